"""What users asks of validation: whether a name and an address are acceptable."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from quintet.errors import ExternalServiceException, Kind, ServiceException
from users.clients.generated.validation import QuestionRequest, ValidationApi

PASSED_ON: Final = {Kind.UNAVAILABLE, Kind.DEADLINE, Kind.EXTERNAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the validation service thinks of a name and an address."""

    valid: bool
    reasons: list[dict[str, Any]]


class ValidationClient:
    """Asks the validation service, and believes only an answer that has the agreed form."""

    def __init__(self) -> None:
        self._validation = ValidationApi()

    def judge(self, username: str, email: str) -> Judgement:
        """Have a name and an address judged.

        A refusal of the question itself is a mistake of this service, so it is never passed on as
        if the person who registers had made it.
        """
        try:
            answer = self._validation.judge(QuestionRequest(username=username, email=email))
        except ServiceException as error:
            if error.kind in PASSED_ON:
                raise
            raise ExternalServiceException(
                "The validation service did not accept the question.",
                service_name=self._validation.service,
            ) from error
        reasons = [asdict(reason) for reason in answer.reasons]
        return Judgement(valid=answer.valid, reasons=reasons)
