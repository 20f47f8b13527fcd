"""The door that customers use: one request, one answer, nothing hidden between."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PATIENCE_SECONDS = 60
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = self.json["error"]
        return found

    @property
    def correlation_id(self) -> str:
        return self.headers["x-correlation-id"]


class Gateway:
    """Sends requests to the gateway of a system, also ones that no library would send."""

    def __init__(self, where: Callable[[], str]) -> None:
        self._where = where

    @property
    def address(self) -> tuple[str, int]:
        """Where it is now."""
        parts = urlsplit(self._where())
        return parts.hostname or "", parts.port or 80

    def ask(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        token: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a body as JSON, bytes as they are, pieces in chunks; return whatever comes back."""
        sent = {"Accept": "application/json", **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE_SECONDS)
        try:
            # Who refuses a large body answers before it has read all of it.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, target, body=body, headers=sent)
            return _answer(connection.getresponse())
        finally:
            connection.close()

    def raw(self, head: str) -> Answer:
        """Send these lines as they are; `Host` and `Connection` have to be among them."""
        with socket.create_connection(self.address, PATIENCE_SECONDS) as sock:
            sock.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
            response = http.client.HTTPResponse(sock)
            response.begin()
            return _answer(response)


def _answer(response: http.client.HTTPResponse) -> Answer:
    return Answer(
        status=response.status,
        headers={name.lower(): value for name, value in response.getheaders()},
        body=response.read(),
    )
