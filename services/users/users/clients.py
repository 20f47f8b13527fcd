"""HTTP out: the validation service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quintet.clients import ServiceClient
from quintet.errors import ExternalServiceException, Kind, ServiceException

PASSED_ON = {Kind.UNAVAILABLE, Kind.DEADLINE, Kind.EXTERNAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the validation service thinks of a name and an address."""

    valid: bool
    reasons: list[dict[str, Any]]


class ValidationClient(ServiceClient):
    """Asks the validation service, and believes only an answer that has the agreed form."""

    service = "validation"

    def judge(self, username: str, email: str) -> Judgement:
        """Have a name and an address judged.

        A refusal of the question itself is a mistake of this service, so it is never passed on as
        if the person who registers had made it.
        """
        try:
            answer = self.post("/api/v1/validate/", json={"username": username, "email": email})
        except ServiceException as error:
            if error.kind in PASSED_ON:
                raise
            raise self._unusable("did not accept the question") from error
        match answer:
            case {"valid": bool(valid), "reasons": [*reasons]} if all(
                isinstance(reason, dict) for reason in reasons
            ):
                return Judgement(valid=valid, reasons=reasons)
        raise self._unusable("gave an answer that cannot be read")

    def _unusable(self, what: str) -> ExternalServiceException:
        return ExternalServiceException(
            f"The validation service {what}.", service_name=self.service
        )
