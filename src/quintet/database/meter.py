"""How the pools of connections are doing, told by each process of its own.

Whoever is scraped cannot see the pools of the other processes. So each process writes down how its
own are doing: at the end of a request, at most once a second, and at the end of every request for
as long as somebody waits. What is written down last is then that nobody does.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from django.db import connections
from prometheus_client import Counter, Gauge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

EVERY_SECONDS = 1.0
_MILLISECONDS = 1000.0

_LABELS = ["database"]
SIZE = Gauge("db_pool_size", "Connections in the pools.", _LABELS, multiprocess_mode="livesum")
AVAILABLE = Gauge(
    "db_pool_available", "Connections that nobody uses.", _LABELS, multiprocess_mode="livesum"
)
WAITING = Gauge(
    "db_pool_waiting", "Requests that wait for a connection.", _LABELS, multiprocess_mode="livesum"
)
WAITED = Counter("db_pool_wait_seconds_total", "Time spent waiting for a connection.", _LABELS)
TIMEOUTS = Counter("db_pool_timeouts_total", "Requests that were given no connection.", _LABELS)


class PoolMeter:
    """Looks at the pools of this process when it is time to; many threads may ask it."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._due_at = 0.0
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[Any, Mapping[str, int]]] = {}

    def look(self) -> None:
        """Write down how the pools are doing, unless that was done a moment ago."""
        if self._clock() >= self._due_at and self._lock.acquire(blocking=False):
            try:
                waiting = [self._note(alias, pool) for alias, pool in _pools()]
                self._due_at = 0.0 if any(waiting) else self._clock() + EVERY_SECONDS
            finally:
                self._lock.release()

    def _note(self, alias: str, pool: Any) -> int:
        stats: dict[str, int] = pool.get_stats()
        waiting = stats.get("requests_waiting", 0)
        SIZE.labels(alias).set(stats["pool_size"])
        AVAILABLE.labels(alias).set(stats["pool_available"])
        WAITING.labels(alias).set(waiting)
        known, before = self._seen.get(alias, (None, {}))
        if known is not pool:
            before = {}  # a fork has pools of its own, which begin at 0
        for counter, name, unit in (
            (WAITED, "requests_wait_ms", _MILLISECONDS),
            (TIMEOUTS, "requests_errors", 1.0),
        ):
            grown = stats.get(name, 0) - before.get(name, 0)
            counter.labels(alias).inc(max(0, grown) / unit)
        self._seen[alias] = (pool, stats)
        return waiting


def _pools() -> Iterator[tuple[str, Any]]:
    """The pools that are there; to ask Django for one would make it."""
    for alias in connections:
        wrapper = connections[alias]
        pool = getattr(wrapper, "_connection_pools", {}).get(wrapper.alias)
        if pool is not None:
            yield alias, pool
