"""The numbers behind every metric of ``prometheus_client`` in this process.

Its own class for several processes takes three locks and asks for its process id three times where
a request is counted once, and keeps no exemplars. The library lets a program name another class,
before the first metric is made, so the metrics of a service itself profit as well.
"""

from __future__ import annotations

from time import time
from typing import Any, ClassVar

from prometheus_client import values as library
from prometheus_client.mmap_dict import mmap_key
from prometheus_client.samples import Exemplar

from quintet.telemetry.metrics import exemplars
from quintet.telemetry.metrics.ledger import LOCK, Ledger, Page, current

YOUNG_SECONDS = 0.1
"""Nobody scrapes more often: a trace that is younger need not make room for the next one."""


class Value:
    """One number, as ``prometheus_client`` makes and uses it."""

    __slots__ = ("_exemplar", "_ledger", "_names", "kind", "page", "place")
    unannounced: ClassVar[list[Value] | None] = []

    def __init__(self, kind: str, *names: Any, multiprocess_mode: str = "", **_: Any) -> None:
        self.kind = f"{kind}_{multiprocess_mode}" if multiprocess_mode else kind
        self._names = names
        self._exemplar: Exemplar | tuple[str, float, float] | None = None
        self._ledger: Ledger | None = None
        self.page: Page
        self.place: int
        if Value.unannounced is None:
            self.settle()
        else:
            Value.unannounced.append(self)

    def key(self) -> str:
        """The name of the number in a file."""
        return mmap_key(*self._names)

    def settle(self) -> None:
        """Take the place in the ledger of this process that the number has, or is given now."""
        with LOCK:
            if self._ledger is not current.ledger:
                self.page, self.place = current.ledger.place(self)
                self._ledger = current.ledger

    def inc(self, amount: float) -> None:
        """Add ``amount``."""
        with LOCK:
            if self._ledger is not current.ledger:
                self.settle()
            self.page.numbers[self.place] += amount

    def set(self, value: float, timestamp: float | None = None) -> None:
        """Replace the number, and the time that it was set at."""
        with LOCK:
            if self._ledger is not current.ledger:
                self.settle()
            numbers = self.page.numbers
            numbers[self.place] = value
            numbers[self.place + 1] = timestamp or 0.0

    def get(self) -> float:
        """Read what this process has counted."""
        with LOCK:
            self.settle()
            return self.page.numbers[self.place]

    def set_exemplar(self, exemplar: Exemplar) -> None:
        """Remember the last observation that stands for this number."""
        with LOCK:
            self.settle()
            self._exemplar = exemplar
            self.page.exemplars.keep(
                self.place,
                exemplars.labels(exemplar),
                value=exemplar.value,
                timestamp=float(exemplar.timestamp or 0.0),
            )

    def show(self, trace_id: str, value: float) -> None:
        """Remember the trace of ``value``, unless the one that is known is young enough.

        The caller holds the lock, and the number is settled.
        """
        now, last = time(), self._exemplar
        if last is not None and 0.0 <= now - float(last[2] or 0.0) < YOUNG_SECONDS:
            return
        self._exemplar = trace_id, value, now
        self.page.exemplars.keep(self.place, trace_id.encode(), value=value, timestamp=now)

    def get_exemplar(self) -> Exemplar | None:
        """The last one of this process."""
        last = self._exemplar
        if last is None or isinstance(last, Exemplar):
            return last
        trace_id, value, timestamp = last
        return Exemplar({"trace_id": trace_id}, value, timestamp)


def announce() -> None:
    """Write down every number at 0, so that it is there before it is first counted."""
    with LOCK:
        waiting, Value.unannounced = Value.unannounced, None
        for value in waiting or ():
            value.settle()


def install() -> None:
    """Let every metric that is made from now on keep its numbers here."""
    library.ValueClass = Value
