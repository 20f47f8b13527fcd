"""Numbers that are read when somebody scrapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from prometheus_client import REGISTRY
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client.metrics_core import Metric

log = get_logger("quintet.telemetry")


class Reading(Collector):
    """A number that is read when somebody scrapes, so that it is the same in every process."""

    all: ClassVar[list[Reading]] = []

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


class Readings(Collector):
    """All that is read at a scrape, as one: what has been read already, and what is read now."""

    def __init__(self, already: Iterable[Metric] = ()) -> None:
        self._already = already

    def collect(self) -> Iterator[Metric]:
        """Read one after another."""
        yield from self._already
        for reading in Reading.all:
            yield from reading.collect()


def read_at_scrape(name: str, documentation: str, *, read: Callable[[], float]) -> Reading:
    """Offer a gauge that ``read`` returns at each scrape, for example out of the database."""
    reading = Reading(name, documentation, read=read)
    REGISTRY.register(reading)
    Reading.all.append(reading)
    return reading
