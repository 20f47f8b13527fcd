"""What the pages of all processes hold, added up.

The layout of a page only ever grows at its end, so it is parsed once. A scrape then picks the
numbers out of it at the places that are known.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from quintet.telemetry.logs import get_logger
from quintet.telemetry.metrics import exemplars
from quintet.telemetry.metrics.content import content, keys
from quintet.telemetry.metrics.index import Index
from quintet.telemetry.metrics.pages import HEAD_BYTES, NUMBER_BYTES
from quintet.telemetry.metrics.sums import Sums

if TYPE_CHECKING:
    from pathlib import Path

    from quintet.telemetry.metrics.breath import Breath
    from quintet.telemetry.metrics.shelf import Found, Shelf

SLICE = 256
"""How many numbers are handled between two breaths."""

MOST_GONE = 5_000
"""How many lines are remembered that no page has any more: those of processes that have ended."""

log = get_logger("quintet.telemetry")


class Layout:
    """At which places of a page numbers are, and which line each of them belongs to.

    Two lists of numbers, and not one of pairs: nothing that a garbage collection looks into.
    """

    def __init__(self, identity: tuple[int, bytes]) -> None:
        self.identity = identity
        self.places: list[int] = []
        self.lines: list[int] = []

    def learn(self, page: Found, written: bytes, *, index: Index, breath: Breath) -> None:
        """Parse what has been written since the last time."""
        known = index.known(page.kind, pid=page.pid)
        parsed = (self.places[-1] + 2) * NUMBER_BYTES if self.places else HEAD_BYTES
        for key, place in keys(written, parsed):
            line = known.get(key)
            if line is None:
                line = known[key] = index.learn(page.kind, key, pid=page.pid)
            self.places.append(place)
            self.lines.append(line)
            if len(self.places) % SLICE == 0:
                breath()

    def line(self, place: int) -> int | None:
        """The line of one place; places rise."""
        where = bisect_left(self.places, place)
        known = where < len(self.places) and self.places[where] == place
        return self.lines[where] if known else None


class Sources:
    """The pages on one shelf, and what is remembered of them from scrape to scrape."""

    def __init__(self, shelf: Shelf) -> None:
        self.index = Index()
        self._shelf = shelf
        self._layouts: dict[Path, Layout] = {}
        self._gone = 0

    def add_up(self, breath: Breath) -> Sums:
        """Read every page that is there now."""
        if self._gone > MOST_GONE:
            self.index, self._layouts = Index(), {}
        sums = Sums()
        with self._shelf.reading():
            pages = self._shelf.pages()
            for page in pages:
                self._take(page, sums, breath=breath)
        sums.finish()
        self._gone = sums.numbers.count(None)
        there = {page.path for page in pages}
        self._layouts = {path: known for path, known in self._layouts.items() if path in there}
        return sums

    def _take(self, page: Found, sums: Sums, *, breath: Breath) -> None:
        found = content(page.path)
        if found is None:
            return
        layout = self._layouts.get(page.path)
        if layout is None or layout.identity != found.identity:
            layout = self._layouts[page.path] = Layout(found.identity)
        try:
            layout.learn(page, found.written, index=self.index, breath=breath)
        except ValueError:
            log.exception("a page of metrics is broken", page=page.path.name)
        sums.grow(len(self.index.beginnings))
        numbers = found.numbers
        for start in range(0, len(layout.places), SLICE):
            part = slice(start, start + SLICE)
            sums.take(
                page.kind,
                zip(layout.places[part], layout.lines[part], strict=True),
                numbers=numbers,
            )
            breath()
        for place, exemplar in exemplars.read(page.path):
            line = layout.line(place)
            if line is not None:
                sums.note(line, exemplar)
