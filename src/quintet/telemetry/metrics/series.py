"""The label sets that a metric may have: bound once each, and only so many of them."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

from prometheus_client import Counter, Gauge, Histogram, Summary

MetricT = TypeVar("MetricT", Counter, Gauge, Histogram, Summary)

OVERFLOW = "<overflow>"
MOST_SERIES = 1_000


class Series(Generic[MetricT]):
    """The children of one metric by their label values, and at most ``limit`` of them.

    Label sets beyond the limit share one child, whose label values are all ``<overflow>``, so that
    no caller can make a service, and whoever scrapes it, run out of memory::

        ORDERS = Series(Counter("orders_total", "Orders placed.", ["shop"]), limit=200)
        ORDERS.child(shop).inc()
    """

    def __init__(self, metric: MetricT, *, limit: int = MOST_SERIES) -> None:
        self._metric: MetricT = metric
        self._limit = limit
        self._children: dict[tuple[str, ...], MetricT] = {}
        self._lock = threading.RLock()  # a signal handler may count as well

    def child(self, *values: str) -> MetricT:
        """Return what to count on, for the values of the labels in their order."""
        found = self._children.get(values)
        return found if found is not None else self._admit(values)

    def _admit(self, values: tuple[str, ...]) -> MetricT:
        with self._lock:
            if len(self._children) >= self._limit and values not in self._children:
                return self._metric.labels(*[OVERFLOW] * len(values))
            return self._children.setdefault(values, self._metric.labels(*values))
