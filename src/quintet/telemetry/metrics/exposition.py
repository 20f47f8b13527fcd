"""What Prometheus reads: the numbers of all processes of this service, as text."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from quintet.telemetry.metrics.breath import Breath
from quintet.telemetry.metrics.ledger import directory
from quintet.telemetry.metrics.processes import Processes
from quintet.telemetry.metrics.readings import Readings
from quintet.telemetry.metrics.recorder import enabled
from quintet.telemetry.metrics.shelf import Shelf
from quintet.telemetry.metrics.sources import Sources
from quintet.telemetry.metrics.text import Text
from quintet.telemetry.metrics.tidying import tidy
from quintet.telemetry.metrics.turns import Turns

if TYPE_CHECKING:
    from pathlib import Path

    from prometheus_client.registry import Collector

OPENMETRICS = "application/openmetrics-text"

_turns: Turns[bytes] = Turns()


def exposition(accept: str = "") -> tuple[bytes, str]:
    """Return what there is to scrape, of all processes, and its content type; nothing when off.

    One scrape runs at a time, in slices that let requests pass. Whoever asks meanwhile waits, and
    shares the next one.
    """
    modern = wants_openmetrics(accept)
    content_type = openmetrics.CONTENT_TYPE_LATEST if modern else CONTENT_TYPE_PLAIN_0_0_4
    if not enabled():
        return b"# EOF\n" if modern else b"", content_type
    shared = directory()
    if shared is None:
        return _library(REGISTRY, modern=modern), content_type
    return _turns.take(modern, partial(scrape, shared, modern=modern)), content_type


def wants_openmetrics(accept: str) -> bool:
    """Tell whether a scraper reads OpenMetrics 1.0, by its ``Accept`` header."""
    for choice in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in choice.split(";"))
        refused = {"q=0", "q=0.0", "version=0.0.1"}.intersection(parameters)
        if kind == OPENMETRICS and not refused:
            return True
    return False


@cache
def _sources(shared: Path) -> Sources:
    return Sources(Shelf(shared))


def scrape(shared: Path, *, modern: bool) -> bytes:
    """Put away what dead processes have left, add up the rest, and write it down."""
    shelf, breath = Shelf(shared), Breath()
    used = list(Processes(shelf.pids()).collect())  # first: who has just died is still told of
    tidy(shelf, breath)
    sources = _sources(shared)
    sums = sources.add_up(breath)
    text = Text(sources.index, sums, openmetrics=modern, breath=breath).written()
    return text.encode() + _library(Readings(used), modern=modern)


def _library(collected: Collector, *, modern: bool) -> bytes:
    if modern:
        return bytes(openmetrics.generate_latest(collected))  # type: ignore[no-untyped-call]  # it has no annotations
    return generate_latest(collected)
