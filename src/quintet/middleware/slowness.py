"""Say which requests take long: when they are over, and while they hang."""

from __future__ import annotations

from math import isinf
from time import perf_counter
from typing import TYPE_CHECKING, Any

from quintet import context
from quintet.lifecycle import monitor, stacks
from quintet.middleware import queries
from quintet.middleware.routes import route_of
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from django.http import HttpRequest

    from quintet.database.tally import Tally
    from quintet.telemetry.spent import Spent

    Worker = int | asyncio.Task[Any]
    Flight = tuple[float, Worker]

TASK = "slow requests"
SPENT = "_quintet_spent"
"""Where a request carries how long it has waited for other services."""

_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 0.5

log = get_logger("quintet.flights")


def watch(slow_seconds: float, flights: Mapping[HttpRequest, Flight]) -> None:
    """Have the monitor look for requests that hang, unless nothing counts as slow."""
    if isinf(slow_seconds):
        return
    pause = min(max(slow_seconds / 2, _SHORTEST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
    monitor.current.every(pause, TASK, run=Watchdog(slow_seconds, flights).look)


def tell(request: HttpRequest, status: int, seconds: float) -> None:
    """Say that a request took long, and for what it waited."""
    log.warning("slow request", status=status, **_fields(request, seconds))


class Watchdog:
    """Says of each request that hangs, once, what it is doing: by then nobody else can."""

    def __init__(self, slow_seconds: float, flights: Mapping[HttpRequest, Flight]) -> None:
        self._slow_seconds = slow_seconds
        self._flights = flights
        self._told: set[HttpRequest] = set()

    def look(self) -> None:
        """Look at all that are on their way."""
        flights, now = list(self._flights.items()), perf_counter()
        self._told.intersection_update(request for request, _ in flights)
        for request, (started, worker) in flights:
            if now - started >= self._slow_seconds and request not in self._told:
                self._told.add(request)
                self._tell(request, now - started, _stack(worker))

    def _tell(self, request: HttpRequest, seconds: float, stack: list[str]) -> None:
        if request not in self._flights:
            return  # it has ended meanwhile, and the stack may be that of another
        identity = getattr(request, "correlation_id", "") or context.new().correlation_id
        with context.running(context.Context(correlation_id=identity)):
            log.warning("request still running", **_fields(request, seconds), stack=stack)


def _stack(worker: Worker) -> list[str]:
    return stacks.of_thread(worker) if isinstance(worker, int) else stacks.of_task(worker)


def _fields(request: HttpRequest, seconds: float) -> dict[str, Any]:
    fields = {
        "method": request.method,
        "route": route_of(request),
        "duration_ms": round(seconds * 1000, 2),
    }
    asked: Tally | None = request.__dict__.get(queries.ATTRIBUTE)
    if asked is not None and asked.count:
        fields |= {"queries": asked.count, "query_ms": round(asked.seconds * 1000, 2)}
    called: Spent | None = request.__dict__.get(SPENT)
    if called is not None:
        fields |= {"calls": called.calls, "call_ms": round(called.seconds * 1000, 2)}
    return fields
