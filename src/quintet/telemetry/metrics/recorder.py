"""Who counts: a recorder that does, or one that does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from quintet import context
from quintet.telemetry.metrics import catalogue
from quintet.telemetry.metrics.series import MOST_SERIES
from quintet.telemetry.metrics.tallies import Requests

if TYPE_CHECKING:
    from prometheus_client import Histogram


class Recorder(Protocol):
    """Where requests are counted."""

    def begin(self) -> None:
        """One more request is worked on."""

    def end(self) -> None:
        """One request less is worked on."""

    def request(self, method: str, endpoint: str, *, status: int, duration_seconds: float) -> None:
        """Count one answered request."""

    def execution(self, metric: Histogram, duration_seconds: float) -> None:
        """Count one run of a tracked function."""


class PrometheusRecorder:
    """Counts, in this process or across processes."""

    def __init__(self, *, most_series: int = MOST_SERIES) -> None:
        self._requests = Requests(
            catalogue.REQUEST_COUNT, catalogue.REQUEST_DURATION, limit=most_series
        )
        self._active = catalogue.ACTIVE_CONNECTIONS.number()

    def begin(self) -> None:
        """One more request is worked on."""
        self._active.inc(1.0)

    def end(self) -> None:
        """One request less is worked on."""
        self._active.inc(-1.0)

    def request(self, method: str, endpoint: str, *, status: int, duration_seconds: float) -> None:
        """Count one answered request under its route, and show the trace of a sampled one."""
        bound = context.current()
        trace_id = bound.trace_id if bound is not None and bound.sampled else ""
        self._requests.tally(method, endpoint, status).add(duration_seconds, trace_id)

    def execution(self, metric: Histogram, duration_seconds: float) -> None:
        """Count one run of a tracked function."""
        metric.observe(duration_seconds)


class NullRecorder:
    """Counts nothing, for a service with ``ENABLE_METRICS`` off."""

    def begin(self) -> None:
        """Forget that it has begun."""

    def end(self) -> None:
        """Forget that it has ended."""

    def request(self, method: str, endpoint: str, *, status: int, duration_seconds: float) -> None:
        """Forget the request."""

    def execution(self, metric: Histogram, duration_seconds: float) -> None:
        """Forget the run."""


class Using:
    """The recorder in use; ``configure`` replaces it."""

    recorder: Recorder = PrometheusRecorder()


def enabled() -> bool:
    """Tell whether anything is counted."""
    return not isinstance(Using.recorder, NullRecorder)


def record_request(method: str, endpoint: str, *, status: int, duration_seconds: float) -> None:
    """Count one answered request; ``endpoint`` is the template of its route, never its path."""
    Using.recorder.request(method, endpoint, status=status, duration_seconds=duration_seconds)
