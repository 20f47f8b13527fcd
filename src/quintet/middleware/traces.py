"""One span for every request, from the first middleware to the last byte."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from django.core.exceptions import MiddlewareNotUsed

from quintet.middleware.doors import ABANDONED, TwoDoors, type_of_next
from quintet.middleware.network import PROBES
from quintet.middleware.routes import UNMATCHED, route_of
from quintet.middleware.streams import follow
from quintet.telemetry import traces
from quintet.telemetry.metrics import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_FAILED = 500
_UNKNOWN_METHOD = "HTTP"


class TracesMiddleware(TwoDoors):
    """Begins a span below the one of the caller, or the first of a trace.

    It is named after method and route. Its path is redacted where it leaves the process, and query
    strings are left out. Probes are not traced, and without a collector this is not even called.
    """

    def __init__(self, get_response: type_of_next) -> None:
        if not traces.enabled():
            raise MiddlewareNotUsed
        super().__init__(get_response)

    def enter(self, request: HttpRequest) -> traces.Span | None:
        """Begin, under a name that a sampler can judge; the route is not known yet."""
        return None if request.path in PROBES else traces.begin(_method(request), kind="server")

    def leave(
        self, request: HttpRequest, response: HttpResponseBase, *, state: traces.Span | None
    ) -> HttpResponseBase:
        """End now, or once the stream has ended."""
        if state is None:
            return response
        state.leave()
        if response.streaming:
            finished = partial(_end_stream, request, state, response.status_code)
            follow(response, around=partial(_within, state), finished=finished)
        else:
            _end(request, state, response.status_code)
        return response

    def abandon(self, request: HttpRequest, state: traces.Span | None) -> None:
        """End the span of a request that nobody waits for any more."""
        if state is not None:
            state.leave()
            _end(request, state, ABANDONED)


@contextmanager
def _within(span: traces.Span) -> Iterator[None]:
    span.enter()
    try:
        yield
    finally:
        span.leave()


def _end_stream(
    request: HttpRequest, span: traces.Span, status: int, *ended: int | Exception | None
) -> None:
    _, error = ended
    if isinstance(error, Exception):
        span.fail(type(error).__qualname__, error=error)
    _end(request, span, status)


def _end(request: HttpRequest, span: traces.Span, status: int) -> None:
    if span.recording:
        method, route = _method(request), route_of(request)
        attributes: dict[str, traces.Value] = {
            "http.request.method": method if method in METHODS else "_OTHER",
            "http.response.status_code": status,
            "url.scheme": request.scheme or "",
            "url.path": request.path,
            "client.address": getattr(request, "client_ip", ""),
        }
        if route != UNMATCHED:
            attributes["http.route"] = route
        span.describe(attributes, name=method if route == UNMATCHED else f"{method} {route}")
        if status >= _FAILED:
            span.fail(getattr(request, "error_code", None) or str(status))
    span.end()


def _method(request: HttpRequest) -> str:
    return str(request.method) if request.method in METHODS else _UNKNOWN_METHOD
