"""The metrics that every service has, by the names of the text that they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from prometheus_client import Counter, Gauge, Histogram

from quintet.telemetry.metrics import values

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from quintet.telemetry.metrics.values import Value

values.install()  # before the first metric is made

BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Count(Counter):
    """A counter that shows the number behind it to who counts often."""

    def number(self) -> Value:
        """The number that ``inc`` adds to."""
        return cast("Value", self._value)


class Level(Gauge):
    """A gauge that shows the number behind it to who moves it often."""

    def number(self) -> Value:
        """The number that ``inc`` and ``dec`` move."""
        return cast("Value", self._value)


class Durations(Histogram):
    """A histogram of seconds whose buckets may be named after it was made, before it is used."""

    @property
    def bounds(self) -> Sequence[float]:
        """The upper ends of the buckets; the last is infinite."""
        return self._upper_bounds

    def total(self) -> Value:
        """The number that every observation is added to."""
        return cast("Value", self._sum)

    def counts(self) -> Sequence[Value]:
        """The numbers that say how many observations fell into each bucket alone."""
        return cast("Sequence[Value]", self._buckets)

    def divide(self, bounds: Iterable[float]) -> None:
        """Make the buckets end at ``bounds``; what was observed in others is dropped."""
        wanted = tuple(bounds)
        if wanted != self._kwargs["buckets"]:
            self._prepare_buckets(wanted)
            self._kwargs["buckets"] = wanted
            self._metrics.clear()


REQUEST_COUNT = Count("http_requests_total", "Requests answered.", ["method", "endpoint", "status"])
REQUEST_DURATION = Durations(
    "http_request_duration_seconds",
    "How long requests took.",
    ["method", "endpoint"],
    buckets=BUCKETS_SECONDS,
)
ACTIVE_CONNECTIONS = Level(
    "active_connections", "Requests being worked on.", multiprocess_mode="livesum"
)
LOG_MESSAGES = Count("log_messages_total", "Lines written to the log.", ["level"])
SERVICE_INFO = Gauge(
    "service_info",
    "Always 1; the labels say what is running.",
    ["service", "version", "environment"],
    multiprocess_mode="livemax",
)
