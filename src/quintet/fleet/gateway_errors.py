"""What the gateway says itself: the envelope of the services, or problem+json when asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

SERVICE = "gateway"
CORRELATION = "{http.vars.correlation_id}"
UUID = "^(.{8})-(.{4})-(.{4})-(.{4})-(.{12})$"
NOW = "^(\\d{4}-\\d\\d-\\d\\d) (\\d\\d:\\d\\d:\\d\\d(?:\\.\\d{1,6})?)\\d* ([+-]\\d\\d)(\\d\\d)"
TIMESTAMP = "{http.regexp.now.1}T{http.regexp.now.2}{http.regexp.now.3}:{http.regexp.now.4}"

LOGGED: Json = {"handler": "log_append", "key": "correlation_id", "value": CORRELATION}

MESSAGES: dict[int, tuple[str, str, str]] = {
    400: ("API_ERROR", "Bad Request", "The request could not be read."),
    404: ("NOT_FOUND", "Not Found", "Nothing is found at this address."),
    405: ("METHOD_NOT_ALLOWED", "Method Not Allowed", "This address does not take the method."),
    408: ("API_ERROR", "Request Timeout", "The request took too long to arrive."),
    413: ("PAYLOAD_TOO_LARGE", "Content Too Large", "The body is larger than the gateway lets in."),
    500: ("INTERNAL_ERROR", "Internal Server Error", "The gateway failed."),
    502: ("EXTERNAL_SERVICE_ERROR", "Bad Gateway", "The service cannot be reached."),
    503: ("SERVICE_UNAVAILABLE", "Service Unavailable", "The service takes no requests now."),
    504: ("DEADLINE_EXCEEDED", "Gateway Timeout", "The service did not answer in time."),
}
"""Status: code, title and message of the gateway's own errors."""


BROKEN_BODY = (
    "malformed chunked encoding|invalid byte in chunk length|chunk length too large"
    "|chunked line ends with bare LF|chunked encoding contains too much|header line too long"
)
"""What the gateway says of a body that it cannot read from a client, as if a service had failed."""


def numbered() -> Json:
    """Give a request a number of the gateway's own."""
    made = "".join(f"{{http.regexp.made.{group}}}" for group in range(1, 6))
    return {
        "match": [{"vars_regexp": {"{http.request.uuid}": {"name": "made", "pattern": UUID}}}],
        "handle": [{"handler": "vars", "correlation_id": made}],
    }


def routes() -> list[Json]:
    """Return the error routes: number and timestamp, then one answer per status and form."""
    nameless = {"handler": "headers", "response": {"deferred": True, "delete": ["Server"]}}
    now = {
        "match": [{"vars_regexp": {"{time.now}": {"name": "now", "pattern": NOW}}}],
        "handle": [{"handler": "vars", "timestamp": TIMESTAMP}, nameless],
    }
    broken = {"vars_regexp": {"{http.error.message}": {"pattern": BROKEN_BODY}}}
    return [
        _unnumbered(),
        now,
        *_answers(400, broken),
        *(route for status in MESSAGES for route in _answers(status, _when(status))),
        *_rest(),
    ]


def _unnumbered() -> Json:
    """Caddy refuses a request without a host, say, before any route has given it a number."""
    without = {"vars": {CORRELATION: [""]}}
    number = numbered()
    return {
        "match": [without | matcher for matcher in number["match"]],
        "handle": [*number["handle"], LOGGED],
    }


def _when(status: int) -> Json:
    return {"vars": {"{http.error.status_code}": [str(status)]}}


def _answers(status: int, wanted: Json) -> Iterator[Json]:
    code, _, message = MESSAGES[status]
    problem = {"header_regexp": {"Accept": {"pattern": r"(?i)application/problem\+json"}}}
    yield {
        "match": [wanted | problem],
        "handle": [_answer(str(status), _problem(status), "application/problem+json")],
        "terminal": True,
    }
    yield {
        "match": [wanted],
        "handle": [_answer(str(status), _envelope(code, message), "application/json")],
        "terminal": True,
    }


def _rest() -> Iterator[Json]:
    """Any other status keeps its number."""
    message = "The gateway cannot serve this request."
    same = "{http.error.status_code}"
    yield {"handle": [_answer(same, _envelope("API_ERROR", message), "application/json")]}


def _answer(status: str, body: Json, content_type: str) -> Json:
    return {
        "handler": "static_response",
        "status_code": status,
        "headers": {
            "Content-Type": [content_type],
            "X-Correlation-Id": [CORRELATION],
            "Cache-Control": ["no-store"],
        },
        "body": json.dumps(body),
    }


def _envelope(code: str, message: str) -> Json:
    return {
        "error": {
            "code": code,
            "message": message,
            "details": {},
            "correlation_id": CORRELATION,
            "service": SERVICE,
            "timestamp": "{http.vars.timestamp}",
        }
    }


def _problem(status: int) -> Json:
    code, title, message = MESSAGES[status]
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": message,
        "code": code,
        "correlation_id": CORRELATION,
        "service": SERVICE,
    }
