"""The requests that this process works on: what a stopping server waits for, or has to cut."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from quintet import context, lifecycle
from quintet.lifecycle import phase
from quintet.middleware.doors import TwoDoors
from quintet.middleware.routes import route_of
from quintet.middleware.streams import follow
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

log = get_logger("quintet.flights")

_in_flight: set[HttpRequest] = set()
_take_off, _land = _in_flight.add, _in_flight.discard


class FlightsMiddleware(TwoDoors):
    """Knows each request from its first line to its last byte.

    Under ASGI it also closes the connections of a draining service, one answer after another. Under
    WSGI that header belongs to the server, which writes it.
    """

    def enter(self, request: HttpRequest) -> None:
        """Remember the request."""
        _take_off(request)

    def leave(
        self,
        request: HttpRequest,
        response: HttpResponseBase,
        *,
        state: Any,  # noqa: ARG002 - the hook's signature
    ) -> HttpResponseBase:
        """Forget it, or have its stream do so at the end."""
        if response.streaming:
            follow(response, finished=partial(_ended, request))
        else:
            _land(request)
        if self.is_async and lifecycle.is_draining() and _keeps_connections(request):
            response["Connection"] = "close"
        return response

    def abandon(self, request: HttpRequest, state: Any) -> None:  # noqa: ARG002 - a hook
        """Forget the request that nobody waits for."""
        _land(request)


def in_flight() -> list[HttpRequest]:
    """The requests that are being worked on at this moment."""
    return list(_in_flight)


def cut(connections: int) -> None:
    """Name every request that will not be answered, under its own correlation id.

    Their connections close without an answer. What they had begun is rolled back, since those to
    the database close as well.
    """
    phase.cut_short()
    for request in in_flight():
        _name(request)
    log.error("ended with unfinished connections", connections=connections)


def _name(request: HttpRequest) -> None:
    identity = getattr(request, "correlation_id", "") or context.new().correlation_id
    with context.running(context.Context(correlation_id=identity)):
        log.error(
            "request cut short",
            method=request.method,
            route=route_of(request),
            path=request.path,
            client_ip=getattr(request, "client_ip", ""),
        )


def _ended(request: HttpRequest, _sent: int, _error: Exception | None) -> None:
    _land(request)


def _keeps_connections(request: HttpRequest) -> bool:
    """Whether the header may be written: HTTP/2 forbids it, and ends its connections otherwise."""
    return str(cast("Any", request).scope.get("http_version", "1.1")).startswith("1")
