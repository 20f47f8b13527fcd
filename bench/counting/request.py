"""CPU microseconds of counting one request, in one way: ``python -m counting.request WAY``."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from collections.abc import Callable

LOOPS = 100_000
SECONDS = 0.012
ROUTE = "/api/v1/things/{id}/"


def by_keyword() -> Callable[[], None]:
    """The idiom of the library's own documentation."""
    count, took, active = stock()

    def counted() -> None:
        active.inc()
        count.labels(method="GET", endpoint=ROUTE, status="200").inc()
        took.labels(method="GET", endpoint=ROUTE).observe(SECONDS)
        active.dec()

    return counted


def bound() -> Callable[[], None]:
    """The fastest that the library allows: children that are known before."""
    count, took, active = stock()
    counts, times = count.labels("GET", ROUTE, "200"), took.labels("GET", ROUTE)

    def counted() -> None:
        active.inc()
        counts.inc()
        times.observe(SECONDS)
        active.dec()

    return counted


def quintet() -> Callable[[], None]:
    """What the middleware of Quintet does."""
    from quintet.settings import ServiceSettings
    from quintet.telemetry import metrics

    given = {"SERVICE_NAME": "bench", "SECRET_KEY": "signs nothing", "SERVICE_ENVIRONMENT": "test"}
    metrics.configure(ServiceSettings.load(given))
    recorder = metrics.Using.recorder

    def counted() -> None:
        recorder.begin()
        recorder.end()
        recorder.request("GET", ROUTE, status=200, duration_seconds=SECONDS)

    return counted


def sampled() -> Callable[[], None]:
    """The same for a request whose trace is kept, while the one before is young enough to stay."""
    from quintet import context

    known = context.new()
    context.bind(
        context.Context(correlation_id=known.correlation_id, trace_id=known.trace_id, sampled=True)
    )
    return quintet()


def exemplar() -> Callable[[], None]:
    """The same where every request has to write its exemplar."""
    from quintet.telemetry.metrics import values

    values.YOUNG_SECONDS = 0.0
    return sampled()


def line() -> Callable[[], None]:
    """Counting a line of the log by its level."""
    from quintet.telemetry.levels import counters

    quintet()

    def counted() -> None:
        counters["INFO"](1.0)

    return counted


def nothing() -> Callable[[], None]:
    """What the loop itself costs."""

    def counted() -> None:
        pass

    return counted


WAYS = {way.__name__: way for way in (by_keyword, bound, quintet, sampled, exemplar, line, nothing)}


def stock() -> tuple[Counter, Histogram, Gauge]:
    """The same three metrics, made by the library."""
    return (
        Counter("http_requests_total", "Answered.", ["method", "endpoint", "status"]),
        Histogram("http_request_duration_seconds", "How long.", ["method", "endpoint"]),
        Gauge("active_connections", "Worked on.", multiprocess_mode="livesum"),
    )


def microseconds(counted: Callable[[], None]) -> float:
    """The processor time of one call."""
    started = time.thread_time()
    for _ in range(LOOPS):
        counted()
    return (time.thread_time() - started) / LOOPS * 1e6


if __name__ == "__main__":
    print(microseconds(WAYS[sys.argv[1]]()) - microseconds(nothing()))
