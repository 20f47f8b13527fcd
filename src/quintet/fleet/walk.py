"""The HTTP side of the demonstration: requests through the gateway, and what must come back."""

from __future__ import annotations

import json
import secrets
import uuid
from dataclasses import dataclass
from typing import Any

import urllib3

TIMEOUT_SECONDS = 35.0


class Unexpected(Exception):
    """The system answered something else than the walk expects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer, as far as the walk cares."""

    status: int
    body: Any
    correlation_id: str

    @property
    def rule(self) -> str:
        """The business rule that refused the request, or nothing."""
        details = self._error().get("details")
        return str(details.get("business_rule", "")) if isinstance(details, dict) else ""

    def _error(self) -> dict[str, Any]:
        error = self.body.get("error") if isinstance(self.body, dict) else None
        return error if isinstance(error, dict) else {}


class Walker:
    """Somebody who uses the system: anonymous until a token is given."""

    def __init__(self, gateway: str, *, token: str = "") -> None:
        self._gateway = gateway
        self._token = token
        self._pool = urllib3.PoolManager(retries=False, timeout=TIMEOUT_SECONDS)

    def get(self, path: str, *, expect: int = 200) -> Answer:
        """Read something."""
        return self._ask("GET", path, expect=expect)

    def post(self, path: str, body: object = None, *, expect: int = 201) -> Answer:
        """Send something, once; an answer with another status than expected is an error.

        Raises:
            Unexpected: The status is another one, or nobody answered.
        """
        return self._ask("POST", path, expect=expect, body=body)

    def _ask(self, method: str, path: str, *, expect: int, body: object = None) -> Answer:
        headers = {"Accept": "application/json", "traceparent": _traceparent()}
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid.uuid4())
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            got = self._pool.request(method, self._gateway + path, json=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise Unexpected(f"{method} {path}: {error}") from error
        answer = Answer(
            status=got.status,
            body=_decoded(got.data),
            correlation_id=got.headers.get("X-Correlation-ID", ""),
        )
        if answer.status != expect:
            shown = json.dumps(answer.body)[:500]
            raise Unexpected(f"{method} {path} gave {answer.status} and not {expect}: {shown}")
        return answer


def _decoded(data: bytes) -> Any:
    try:
        return json.loads(data) if data else None
    except ValueError:
        return data.decode("utf-8", errors="replace")


def _traceparent() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
