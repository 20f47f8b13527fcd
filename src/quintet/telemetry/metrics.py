"""What a service counts: right across its worker processes, and bounded in the series it makes.

With ``PROMETHEUS_MULTIPROC_DIR`` in the environment before this module is imported, every process
writes to files of its own there and ``exposition`` adds them up; ``quintet.server`` sees to that.
"""

from __future__ import annotations

import inspect
import os
import time
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, ClassVar, Generic, ParamSpec, Protocol, TypeVar

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quintet.settings import ServiceSettings

P = ParamSpec("P")
R = TypeVar("R")
MetricT = TypeVar("MetricT", Counter, Histogram)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD = "OTHER"
OVERFLOW = "<overflow>"
MOST_SERIES = 1_000
LOWEST_STATUS, HIGHEST_STATUS = 100, 599
BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REQUEST_COUNT = Counter(
    "http_requests_total", "Requests answered.", ["method", "endpoint", "status"]
)
REQUEST_DURATION = Histogram(
    "http_request_duration_seconds",
    "How long requests took.",
    ["method", "endpoint"],
    buckets=BUCKETS_SECONDS,
)
ACTIVE_CONNECTIONS = Gauge(
    "active_connections", "Requests being worked on.", multiprocess_mode="livesum"
)
SERVICE_INFO = Gauge(
    "service_info",
    "Always 1; the labels say what is running.",
    ["service", "version", "environment"],
    multiprocess_mode="livemax",
)


log = get_logger("quintet.telemetry")


class Reading(Collector):
    """A number that is read when somebody scrapes, so that it is the same in every process."""

    def __init__(self, name: str, documentation: str, *, read: Callable[[], float]) -> None:
        self._name = name
        self._documentation = documentation
        self._read = read

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the metric without reading it."""
        yield GaugeMetricFamily(self._name, self._documentation)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read the number; a source that fails leaves a gap, and the other metrics are there."""
        try:
            value = float(self._read())
        except Exception:
            log.exception("a metric could not be read", metric=self._name)
            return
        yield GaugeMetricFamily(self._name, self._documentation, value=value)


class _Readings:
    """The numbers that are read at each scrape."""

    all: ClassVar[list[Reading]] = []


def read_at_scrape(name: str, documentation: str, *, read: Callable[[], float]) -> Reading:
    """Offer a gauge that ``read`` returns at each scrape, for example out of the database."""
    reading = Reading(name, documentation, read=read)
    REGISTRY.register(reading)
    _Readings.all.append(reading)
    return reading


class Series(Generic[MetricT]):
    """The children of one metric, bound once each, and at most ``limit`` of them.

    Label values beyond the limit share a child whose ``endpoint`` is ``<overflow>``, so that no
    caller can make a service, and whoever scrapes it, run out of memory.
    """

    def __init__(self, metric: MetricT, *, limit: int = MOST_SERIES) -> None:
        self._metric: MetricT = metric
        self._limit = limit
        self._children: dict[tuple[str, str, int], MetricT] = {}

    def child(self, method: str, endpoint: str, *, status: int = 0) -> MetricT:
        """Return what to count on; ``status`` only where the metric has such a label."""
        found = self._children.get((method, endpoint, status))
        return found if found is not None else self._admit(method, endpoint, status)

    def _admit(self, method: str, endpoint: str, status: int) -> MetricT:
        key = (
            method if method in METHODS else OTHER_METHOD,
            endpoint,
            status if LOWEST_STATUS <= status <= HIGHEST_STATUS else 0,
        )
        if key not in self._children and len(self._children) >= self._limit:
            key = (key[0], OVERFLOW, key[2])
        child = self._children.get(key)
        if child is None:
            labels = dict(zip(("method", "endpoint", "status"), map(str, key), strict=True))
            wanted = self._metric._labelnames  # noqa: SLF001 - prometheus_client has no accessor
            child = self._metric.labels(**{name: labels[name] for name in wanted})
            self._children[key] = child
        return child


class Recorder(Protocol):
    """Where measurements go."""

    def request(self, method: str, endpoint: str, *, status: int, duration_seconds: float) -> None:
        """Count one answered request."""

    def execution(self, metric: Histogram, duration_seconds: float) -> None:
        """Count one run of a tracked function."""


class PrometheusRecorder:
    """Counts, in this process or across processes."""

    def __init__(self, *, most_series: int = MOST_SERIES) -> None:
        self._counts = Series(REQUEST_COUNT, limit=most_series)
        self._durations = Series(REQUEST_DURATION, limit=most_series)

    def request(self, method: str, endpoint: str, *, status: int, duration_seconds: float) -> None:
        """Count one answered request under its route."""
        self._counts.child(method, endpoint, status=status).inc()
        self._durations.child(method, endpoint).observe(duration_seconds)

    def execution(self, metric: Histogram, duration_seconds: float) -> None:
        """Count one run of a tracked function."""
        metric.observe(duration_seconds)


class NullRecorder:
    """Counts nothing, for a service with ``ENABLE_METRICS`` off."""

    def request(self, method: str, endpoint: str, *, status: int, duration_seconds: float) -> None:
        """Forget the request."""

    def execution(self, metric: Histogram, duration_seconds: float) -> None:
        """Forget the run."""


class _Current:
    """The recorder in use; ``configure`` replaces it."""

    recorder: Recorder = PrometheusRecorder()


def configure(env: ServiceSettings) -> None:
    """Switch the metrics on or off, and say what is running."""
    if not env.ENABLE_METRICS:
        _Current.recorder = NullRecorder()
        return
    _Current.recorder = PrometheusRecorder()
    SERVICE_INFO.labels(env.SERVICE_NAME, env.SERVICE_VERSION, env.SERVICE_ENVIRONMENT).set(1)


def enabled() -> bool:
    """Tell whether anything is counted."""
    return not isinstance(_Current.recorder, NullRecorder)


def record_request(method: str, endpoint: str, *, status: int, duration_seconds: float) -> None:
    """Count one answered request; ``endpoint`` is the template of its route, never its path."""
    _Current.recorder.request(method, endpoint, status=status, duration_seconds=duration_seconds)


def track_execution_time(metric_name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Measure each call, also of a coroutine function, as ``<metric_name>_duration_seconds``."""
    metric = _execution_time(metric_name)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.iscoroutinefunction(function):

            async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
                started = time.perf_counter()
                try:
                    return await function(*args, **kwargs)
                finally:
                    _Current.recorder.execution(metric, time.perf_counter() - started)

            return wraps(function)(awaited)  # type: ignore[return-value]  # R is a coroutine

        @wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                _Current.recorder.execution(metric, time.perf_counter() - started)

        return called

    return decorate


@cache
def _execution_time(metric_name: str) -> Histogram:
    name = f"{metric_name}_duration_seconds"
    return Histogram(name, f"How long {metric_name} took.", buckets=BUCKETS_SECONDS)


def exposition(accept: str = "") -> tuple[bytes, str]:
    """Return what there is to scrape, of all processes, and its content type; nothing when off."""
    encode, content_type = choose_encoder(accept)
    if not enabled():
        return encode(CollectorRegistry()), content_type
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return encode(REGISTRY), content_type
    merged = CollectorRegistry()
    MultiProcessCollector(merged)  # type: ignore[no-untyped-call]  # it has no annotations
    for reading in _Readings.all:
        merged.register(reading)
    return encode(merged), content_type
