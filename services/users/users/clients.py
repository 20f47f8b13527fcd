"""HTTP out: the validation service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quintet.clients import ServiceClient
from quintet.errors import ExternalServiceException


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the validation service thinks of a name and an address."""

    valid: bool
    reasons: list[dict[str, Any]]


class ValidationClient(ServiceClient):
    """Asks the validation service, and believes only an answer that has the agreed form."""

    service = "validation"

    def judge(self, username: str, email: str) -> Judgement:
        """Have a name and an address judged."""
        answer = self.post("/api/v1/validate/", json={"username": username, "email": email})
        match answer:
            case {"valid": bool(valid), "reasons": [*reasons]}:
                return Judgement(valid=valid, reasons=reasons)
        raise ExternalServiceException(
            "The validation service gave an answer that cannot be read.", service_name=self.service
        )
