"""Counting a request: one look for what its method, endpoint and status share, and one lock."""

from __future__ import annotations

import threading
from bisect import bisect_left
from typing import TYPE_CHECKING

from quintet.telemetry.metrics.ledger import LOCK, Ledger, current
from quintet.telemetry.metrics.series import MOST_SERIES, OVERFLOW

if TYPE_CHECKING:
    from quintet.telemetry.metrics.catalogue import Count, Durations

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD = "OTHER"
LOWEST_STATUS, HIGHEST_STATUS = 100, 599


class Tally:
    """The numbers that requests of one method, endpoint and status move together."""

    __slots__ = ("_bounds", "_buckets", "_count", "_ledger", "_total")

    def __init__(self, count: Count, durations: Durations) -> None:
        self._count = count.number()
        self._total = durations.total()
        self._buckets = durations.counts()
        self._bounds = durations.bounds
        self._ledger: Ledger | None = None

    def add(self, seconds: float, trace_id: str = "") -> None:
        """Count one request that took ``seconds``, and let its trace stand for its bucket."""
        count, total, bucket = (
            self._count,
            self._total,
            self._buckets[bisect_left(self._bounds, seconds)],
        )
        with LOCK:
            if self._ledger is not current.ledger:
                self._settle()
            count.page.numbers[count.place] += 1.0
            total.page.numbers[total.place] += seconds
            bucket.page.numbers[bucket.place] += 1.0
            if trace_id:
                bucket.show(trace_id, seconds)

    def _settle(self) -> None:
        for value in (self._count, self._total, *self._buckets):
            value.settle()
        self._ledger = current.ledger


class Requests:
    """The tallies of all requests, and at most ``limit`` of them.

    A request that would make one more is counted under the endpoint ``<overflow>``, with its
    status, so that failures are still seen. What a client can write never makes a series.
    """

    def __init__(self, count: Count, durations: Durations, *, limit: int = MOST_SERIES) -> None:
        self._count = count
        self._durations = durations
        self._limit = limit
        self._tallies: dict[tuple[str, str, int], Tally] = {}
        self._lock = threading.RLock()  # a signal handler may count as well

    def tally(self, method: str, endpoint: str, status: int) -> Tally:
        """Return what to count on."""
        found = self._tallies.get((method, endpoint, status))
        return found if found is not None else self._admit(method, endpoint, status=status)

    def _admit(self, method: str, endpoint: str, *, status: int) -> Tally:
        key = (
            method if method in METHODS else OTHER_METHOD,
            endpoint,
            status if LOWEST_STATUS <= status <= HIGHEST_STATUS else 0,
        )
        with self._lock:
            if key not in self._tallies and len(self._tallies) >= self._limit:
                key = (OTHER_METHOD, OVERFLOW, key[2])
            if key not in self._tallies:
                method, endpoint, status = key
                self._tallies[key] = Tally(
                    self._count.labels(method, endpoint, str(status)),
                    self._durations.labels(method, endpoint),
                )
            return self._tallies[key]
