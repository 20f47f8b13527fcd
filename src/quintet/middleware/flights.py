"""The requests that this process works on: what a stopping server waits for, or has to cut."""

from __future__ import annotations

import asyncio
from functools import partial
from math import inf
from threading import get_ident
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from quintet import conf, context, lifecycle
from quintet.lifecycle import monitor, phase
from quintet.middleware import slowness
from quintet.middleware.doors import TwoDoors
from quintet.middleware.routes import route_of
from quintet.middleware.streams import STREAM, follow
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from quintet.middleware.doors import type_of_next
    from quintet.middleware.slowness import Flight

log = get_logger("quintet.flights")

_in_flight: dict[HttpRequest, Flight] = {}
_monitor = monitor.current


class FlightsMiddleware(TwoDoors):
    """Knows each request from its first line to its last byte, and says which one takes long.

    Under ASGI it also closes the connections of a draining service, one answer after another. Under
    WSGI that header belongs to the server, which writes it.
    """

    def __init__(self, get_response: type_of_next) -> None:
        super().__init__(get_response)
        self.slow_seconds = conf.current().SLOW_REQUEST_SECONDS or inf
        slowness.watch(self.slow_seconds, _in_flight)

    def enter(self, request: HttpRequest) -> float:
        """Remember the request, since when it runs, and in which thread or task."""
        if not _monitor.started:
            _monitor.start()
        started = perf_counter()
        task = asyncio.current_task() if self.is_async else None
        _in_flight[request] = started, task or get_ident()
        return started

    def leave(
        self, request: HttpRequest, response: HttpResponseBase, *, state: float
    ) -> HttpResponseBase:
        """Forget it, or have its stream do so at the end."""
        seconds = perf_counter() - state
        if seconds >= self.slow_seconds:
            slowness.tell(request, response.status_code, seconds)
        if response.streaming:
            _in_flight[request] = inf, 0  # how long it takes from here on is for its reader
            follow(response, finished=partial(_ended, request))
            request.META[STREAM] = response
        else:
            _land(request)
        if self.is_async and lifecycle.is_draining() and _keeps_connections(request):
            response["Connection"] = "close"
        return response

    def abandon(self, request: HttpRequest, state: float) -> None:  # noqa: ARG002 - a hook
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


def _land(request: HttpRequest) -> None:
    _in_flight.pop(request, None)


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
