"""What the server answers by itself, before any middleware runs: the envelope all the same."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from gunicorn.http import errors as http

from quintet import conf, context
from quintet.errors import (
    InternalException,
    PermissionException,
    ServiceException,
    envelope,
)
from quintet.server.client import SlowRequest

_END_OF_HEAD = b"\r\n\r\n"
_NAMED_BY_CALLERS = re.compile(
    rb"^(traceparent|x-correlation-id):[ \t]*([!-~]{1,200})[ \t]*\r$", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A status, its reason phrase, and the error that the envelope names."""

    status: int
    reason: str
    error: ServiceException


_TABLE: tuple[tuple[type[Exception], int, str, str], ...] = (
    (http.LimitRequestLine, 414, "URI Too Long", "The request line is too long."),
    (
        http.LimitRequestHeaders,
        431,
        "Request Header Fields Too Large",
        "A header field is too large, or there are too many of them.",
    ),
    # RFC 9112 would have it 501, but what a client sends does not make a service fail.
    (http.UnsupportedTransferCoding, 400, "Bad Request", "The transfer coding is not supported."),
    (http.ExpectationFailed, 417, "Expectation Failed", "The expectation cannot be met."),
    (SlowRequest, 408, "Request Timeout", "The request did not arrive in time."),
    (http.InvalidRequestLine, 400, "Bad Request", "The request line is malformed."),
    (http.InvalidRequestMethod, 400, "Bad Request", "The request method is malformed."),
    (http.InvalidHTTPVersion, 400, "Bad Request", "The HTTP version is not supported."),
)


def refusal_of(error: BaseException) -> Refusal:
    """Say how to answer ``error``; the bytes that caused it are never repeated to the caller."""
    if isinstance(error, http.InvalidResponseHeader | http.InvalidResponseHeaderName):
        return _internal()
    for kind, status, reason, message in _TABLE:
        if isinstance(error, kind):
            return _api_error(status, reason, message)
    if isinstance(error, http.ForbiddenProxyRequest):
        forbidden = PermissionException("This peer may not speak the PROXY protocol.")
        return Refusal(status=403, reason="Forbidden", error=forbidden)
    if isinstance(error, http.ParseException) and not isinstance(error, http.ConfigurationProblem):
        return _api_error(400, "Bad Request", "The request is malformed.")
    return _internal()


def context_of(heard: bytes | bytearray) -> context.Context:
    """Continue the caller's correlation id, though nothing else of the request can be read."""
    named: dict[str, list[str]] = defaultdict(list)
    for name, value in _NAMED_BY_CALLERS.findall(heard.partition(_END_OF_HEAD)[0] + b"\r"):
        named[name.decode().lower()].append(value.decode())
    return context.from_headers({name: ",".join(values) for name, values in named.items()})


def rendered(refusal: Refusal, correlation_id: str) -> bytes:
    """The whole response, ready for the socket; the connection ends with it."""
    body = orjson.dumps(
        envelope(
            refusal.error,
            correlation_id=correlation_id,
            service=conf.current().SERVICE_NAME,
            timestamp=datetime.now(UTC),
        )
    )
    head = (
        f"HTTP/1.1 {refusal.status} {refusal.reason}",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"{context.CORRELATION_HEADER}: {correlation_id}",
        *_when_to_come_back(refusal.error),
        "",
        "",
    )
    return "\r\n".join(head).encode("ascii") + body


def _when_to_come_back(error: ServiceException) -> tuple[str, ...]:
    seconds = getattr(error, "retry_after_seconds", None)
    return () if seconds is None else (f"Retry-After: {seconds}",)


def _api_error(status: int, reason: str, message: str) -> Refusal:
    error = ServiceException(message, error_code="API_ERROR")
    return Refusal(status=status, reason=reason, error=error)


def _internal() -> Refusal:
    return Refusal(status=500, reason="Internal Server Error", error=InternalException())
