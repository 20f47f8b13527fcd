"""How calls ended, and how long they took, by the service that was called."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from prometheus_client import Counter, Histogram

from quintet.clients.pipeline import SparedException
from quintet.errors import Kind
from quintet.telemetry.metrics.catalogue import BUCKETS_SECONDS

if TYPE_CHECKING:
    from quintet.errors import ServiceException

CALLS = Counter(
    "client_calls_total", "Calls to other services, by how they ended.", ["service", "outcome"]
)
DURATION = Histogram(
    "client_call_duration_seconds",
    "How long calls took with all their attempts.",
    ["service"],
    buckets=BUCKETS_SECONDS,
)
_FAILURES = {Kind.UNAVAILABLE: "unavailable", Kind.DEADLINE: "late", Kind.EXTERNAL: "failed"}


def record(service: str, seconds: float, *, error: ServiceException | None = None) -> None:
    """Count a call that ended with an answer, or with ``error``."""
    _calls(service, outcome_of(error)).inc()
    _duration(service).observe(seconds)


def outcome_of(error: ServiceException | None) -> str:
    """The word for it; what the other service refuses, it has answered."""
    if error is None:
        return "ok"
    if isinstance(error, SparedException):
        return "spared"
    return _FAILURES.get(error.kind, "refused")


@lru_cache(maxsize=256)
def _calls(service: str, outcome: str) -> Counter:
    return CALLS.labels(service, outcome)


@lru_cache(maxsize=64)
def _duration(service: str) -> Histogram:
    return DURATION.labels(service)
