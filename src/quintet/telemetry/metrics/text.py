"""The two formats that Prometheus reads: its own, and OpenMetrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.openmetrics.exposition import UNDERSCORES, escape_metric_name

if TYPE_CHECKING:
    from quintet.telemetry.metrics.breath import Breath
    from quintet.telemetry.metrics.exemplars import Shown
    from quintet.telemetry.metrics.index import Buckets, Family, Index
    from quintet.telemetry.metrics.sums import Sums

SLICE = 128
"""How many lines are written between two breaths."""

_END = "\n"


class Text:
    """Writes the numbers of one scrape, without the end that OpenMetrics has."""

    def __init__(self, index: Index, sums: Sums, *, openmetrics: bool, breath: Breath) -> None:
        self._index = index
        self._numbers = sums.numbers
        self._openmetrics = openmetrics
        self._tails = _tails(sums.exemplars) if openmetrics else {}
        self._breath = breath

    def written(self) -> str:
        """Every family that has a number."""
        pieces: list[str] = []
        for family in self._index.families.values():
            samples = self._samples(family)
            if samples:
                pieces += (self._head(family), *samples)
        return "".join(pieces)

    def _samples(self, family: Family) -> list[str]:
        samples: list[str] = []
        for start in range(0, len(family.lines), SLICE):
            self._plain(family.lines[start : start + SLICE], samples)
            self._breath()
        for count, buckets in enumerate(family.histograms.values()):
            self._histogram(buckets, samples)
            if count % (SLICE // 16) == 0:
                self._breath()
        return samples

    def _plain(self, lines: list[int], samples: list[str]) -> None:
        beginnings, numbers = self._index.beginnings, self._numbers
        for line in lines:
            number = numbers[line]
            if number is not None:
                samples.append(f"{beginnings[line]}{number}{self._tails.get(line, _END)}")

    def _histogram(self, buckets: Buckets, samples: list[str]) -> None:
        """Write the buckets as Prometheus has them: each holds all that lie below it."""
        beginnings, numbers, tails = self._index.beginnings, self._numbers, self._tails
        seen = 0.0
        before = len(samples)
        for line in buckets.lines:
            number = numbers[line]
            if number is not None:
                seen += number
                samples.append(f"{beginnings[line]}{seen}{tails.get(line, _END)}")
        if len(samples) > before:
            samples.append(f"{buckets.count}{seen}\n")
        if buckets.total is not None:
            self._plain([buckets.total], samples)

    def _head(self, family: Family) -> str:
        name, about = family.name, family.help.replace("\\", r"\\").replace("\n", r"\n")
        if self._openmetrics:
            about = about.replace('"', r"\"")
        elif family.type == "counter":
            name += "_total"
        name = escape_metric_name(name, UNDERSCORES)
        return f"# HELP {name} {about}\n# TYPE {name} {family.type}\n"


def _tails(exemplars: dict[int, Shown]) -> dict[int, str]:
    return {
        line: f" # {labels} {value} {timestamp}\n"
        for line, (labels, value, timestamp) in exemplars.items()
    }
