"""Every line that a scrape can have, remembered from one scrape to the next.

A number in a file has a key: family, name, labels and help as JSON. It is parsed and written as the
beginning of a line once, and found by its bytes from then on.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import Any

import orjson
from prometheus_client.openmetrics.exposition import (
    UNDERSCORES,
    escape_label_name,
    escape_metric_name,
)

PER_PROCESS = frozenset({"gauge_all", "gauge_liveall"})


class Buckets:
    """The lines of a histogram for one set of labels, in the rising order of their ends."""

    __slots__ = ("count", "ends", "lines", "total")

    def __init__(self, count: str) -> None:
        self.count = count
        self.ends: list[float] = []
        self.lines: list[int] = []
        self.total: int | None = None


class Family:
    """What stands together under one name and one type."""

    def __init__(self, name: str, help_text: str, kind: str) -> None:
        self.name = name
        self.help = help_text
        self.type = kind.partition("_")[0]
        self.lines: list[int] = []
        self.histograms: dict[Any, Buckets] = {}


class Index:
    """Lines by their number; ``beginnings`` holds all of a line but the value."""

    def __init__(self) -> None:
        self.beginnings: list[str] = []
        self.families: dict[str, Family] = {}
        self._by_key: dict[str, dict[bytes, int]] = {}
        self._by_beginning: dict[str, int] = {}

    def known(self, kind: str, *, pid: str) -> dict[bytes, int]:
        """The lines of keys that were learned, for numbers of one kind.

        Where each process has a line of its own, these are the lines of ``pid``.
        """
        return self._by_key.setdefault(f"{kind} {pid}" if kind in PER_PROCESS else kind, {})

    def learn(self, kind: str, key: bytes, *, pid: str) -> int:
        """The number of the line that ``key`` is on, which may be that of another key.

        The writer has sorted the labels.
        """
        family_name, name, labels, help_text = orjson.loads(key)
        if kind in PER_PROCESS:
            labels["pid"] = pid
        beginning = _beginning(name, labels)
        line = self._by_beginning.get(beginning)
        if line is None:
            family = self.families.get(family_name)
            if family is None:
                family = self.families[family_name] = Family(family_name, help_text, kind)
            line = self._by_beginning[beginning] = len(self.beginnings)
            self.beginnings.append(beginning)
            _place(family, line, labels)
        return line


def _place(family: Family, line: int, labels: dict[str, str]) -> None:
    if family.type != "histogram":
        family.lines.append(line)
        return
    end = labels.pop("le", None)
    of = tuple(labels.values())
    buckets = family.histograms.get(of)
    if buckets is None:
        count = _beginning(f"{family.name}_count", labels)
        buckets = family.histograms[of] = Buckets(count)
    if end is None:
        buckets.total = line
    else:
        where = bisect_left(buckets.ends, float(end))
        buckets.ends.insert(where, float(end))
        buckets.lines.insert(where, line)


def _beginning(name: str, labels: dict[str, str]) -> str:
    if not labels:
        return f"{_name(name)} "
    return f"{_name(name)}{{{','.join(map(_pair, labels, labels.values()))}}} "


@lru_cache(maxsize=1024)
def _name(name: str) -> str:
    return escape_metric_name(name, UNDERSCORES)


@lru_cache(maxsize=8192)
def _pair(label: str, value: str) -> str:
    escaped = value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return f'{escape_label_name(label, UNDERSCORES)}="{escaped}"'
