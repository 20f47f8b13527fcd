"""How a server changes with time: its memory, descriptors, threads and connections, in samples."""

from __future__ import annotations

import statistics
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple, Self

import psutil
import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from databases import Database
    from servers import Server

SAMPLE_SECONDS = 5
HOUR_SECONDS = 3600
_CONNECTIONS = "SELECT usename, count(*) FROM pg_stat_activity GROUP BY usename"


class Point(NamedTuple):
    """A reading, and the instant at which it was taken."""

    at: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """What a reading was at the beginning and at the end, and how it grew in between."""

    first: float
    last: float
    per_hour: float

    def __str__(self) -> str:
        return f"{self.first:.4g} to {self.last:.4g}"


def trend(points: Sequence[Point]) -> Trend:
    """The slope of Theil and Sen, which is the median of the slopes between all pairs of points.

    A spike moves it as little as it moves a median. The ends are medians of a tenth of the points.
    """
    slopes = [(b.value - a.value) / (b.at - a.at) for a, b in combinations(points, 2)]
    tenth = max(1, len(points) // 10)
    return Trend(
        first=statistics.median(point.value for point in points[:tenth]),
        last=statistics.median(point.value for point in points[-tenth:]),
        per_hour=statistics.median(slopes) * HOUR_SECONDS,
    )


class Wear(threading.Thread):
    """Takes samples of a server and of what its role has in the database, until its block ends."""

    def __init__(self, server: Server, database: Database, role: str) -> None:
        super().__init__(name=f"wear of {server.name}")
        self._server, self._database, self._role = server, database, role
        self._over = threading.Event()
        self._rows: defaultdict[tuple[str, int], list[Point]] = defaultdict(list)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            now = time.monotonic()
            for name, pid, value in (*self._processes(), *self._connections()):
                self._rows[name, pid].append(Point(now, value))

    def trends(self, name: str, *, warm_seconds: float, least_seconds: float) -> list[Trend]:
        """How a reading went in each process that was there for so long after it was warm."""
        rows = [row for (what, _pid), row in self._rows.items() if what == name]
        warm = ([one for one in row if one.at > row[0].at + warm_seconds] for row in rows)
        return [trend(row) for row in warm if row and row[-1].at - row[0].at >= least_seconds]

    def _processes(self) -> Iterator[tuple[str, int, float]]:
        for process in self._server.processes():
            try:
                yield "megabytes", process.pid, process.memory_info().rss / 1_000_000
                yield "descriptors", process.pid, process.num_fds()
                yield "threads", process.pid, process.num_threads()
            except psutil.NoSuchProcess:
                continue

    def _connections(self) -> Iterator[tuple[str, int, float]]:
        try:
            rows = self._database.tell(_CONNECTIONS)
        except psycopg.OperationalError:
            return  # it is away, as it is meant to be now and then
        yield "connections", 0, dict(rows).get(self._role, 0)
