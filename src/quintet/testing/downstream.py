"""Other services, played in memory: answers by method and path, and a record of what was asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

import orjson

from quintet import errors
from quintet.wire import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Answer: TypeAlias = "object | errors.ServiceException | Callable[[Call], object]"


class Call(Request):
    """A request that a client sent, with its parts read for assertions."""

    __slots__ = ()

    @classmethod
    def of(cls, request: Request) -> Call:
        """Wrap the request that reached the transport."""
        return cls(
            service=request.service,
            method=request.method,
            base_url=request.base_url,
            target=request.target,
            headers=request.headers,
            body=request.body,
            timeout_seconds=request.timeout_seconds,
        )

    @property
    def path(self) -> str:
        """The path without its query."""
        return urlsplit(self.target).path

    @property
    def params(self) -> Mapping[str, list[str]]:
        """The query parameters, each as a list."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def json(self) -> Any:
        """The decoded body; ``None`` without one."""
        return None if self.body is None else orjson.loads(self.body)


class Downstream:
    """A transport that answers from a table, for ``clients.use_transport``.

    A path may have slots: ``downstream.answer("users", "GET", "/api/v1/users/{id}/", json={…})``.
    The last matching answer wins. A request that nobody expected raises ``LookupError``, which no
    code of a service handles: a test cannot pass by accident.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._answers: list[tuple[str, str, re.Pattern[str], Callable[[Call], Response]]] = []

    def answer(
        self, service: str, method: str, path: str, *, json: object = None, status: int = 200
    ) -> None:
        """Answer with JSON, or without a body for ``None``; a callable makes it from the call."""

        def respond(call: Call) -> Response:
            found = json(call) if callable(json) else json
            if found is None:
                return Response(status=204 if status == 200 else status)  # noqa: PLR2004 - default
            return _json(status, found)

        self._expect(service, method, path, respond=respond)

    def fail(
        self, service: str, method: str, path: str, *, error: errors.ServiceException, status: int
    ) -> None:
        """Answer with the envelope of an error, as the real service would."""
        envelope = errors.envelope(
            error, correlation_id="0" * 32, service=service, timestamp="2026-01-01T00:00:00+00:00"
        )
        self._expect(service, method, path, respond=lambda _: _json(status, envelope))

    def refuse(
        self, service: str, method: str, path: str, *, error: errors.ServiceException
    ) -> None:
        """Give no answer: raise what the real transport raises, such as ``DeadlineException``."""

        def respond(_: Call) -> Response:
            raise error

        self._expect(service, method, path, respond=respond)

    def send(self, request: Request) -> Response:
        """Answer one request; this is the seam that clients call."""
        call = Call.of(request)
        self.calls.append(call)
        for service, method, pattern, respond in reversed(self._answers):
            if (service, method) == (call.service, call.method) and pattern.fullmatch(call.path):
                return respond(call)
        raise LookupError(f"Nobody expected {call.method} {call.path} to {call.service}.")

    def asked(self, service: str, method: str = "", path: str = "") -> list[Call]:
        """The calls that reached a service, in order."""
        return [
            call
            for call in self.calls
            if call.service == service
            and (not method or call.method == method)
            and (not path or _pattern(path).fullmatch(call.path))
        ]

    def _expect(
        self, service: str, method: str, path: str, *, respond: Callable[[Call], Response]
    ) -> None:
        self._answers.append((service, method, _pattern(path), respond))


def _pattern(path: str) -> re.Pattern[str]:
    fixed = re.split(r"\{[^{}]*\}", path)
    return re.compile("[^/]+".join(re.escape(part) for part in fixed))


def _json(status: int, value: object) -> Response:
    return Response(
        status=status,
        headers={"content-type": "application/json"},
        body=orjson.dumps(value, default=str),
    )
