"""How the numbers of several processes become one: by the kind of their metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from quintet.telemetry.metrics.exemplars import Shown

    Places = Iterable[tuple[int, int]]


def mode_of(kind: str) -> str:
    """How numbers of this kind are joined: ``sum``, ``min``, ``max``, ``mostrecent`` or ``all``."""
    kind, _, mode = kind.partition("_")
    return mode.removeprefix("live") if kind == "gauge" else "sum"


class Sums:
    """A number for each line that has one, and the exemplars of buckets."""

    def __init__(self) -> None:
        self.numbers: list[float | None] = []
        self.exemplars: dict[int, Shown] = {}
        self._moments: dict[int, float] = {}

    def grow(self, lines: int) -> None:
        """Make room for lines that have been learned."""
        self.numbers.extend([None] * (lines - len(self.numbers)))

    def take(self, kind: str, places: Places, *, numbers: memoryview[float]) -> None:
        """Join the numbers at ``places``, which are pairs of a place and its line."""
        mode = mode_of(kind)
        if mode == "mostrecent":
            self._replace(places, numbers)
        elif mode in {"min", "max"}:
            self._choose(places, numbers, choice=min if mode == "min" else max)
        else:
            self._add(places, numbers)

    def note(self, line: int, exemplar: Shown) -> None:
        """Keep the exemplar that is the youngest."""
        known = self.exemplars.get(line)
        if known is None or known.timestamp < exemplar.timestamp:
            self.exemplars[line] = exemplar

    def _add(self, places: Places, numbers: memoryview[float]) -> None:
        sums = self.numbers
        for place, line in places:
            known = sums[line]
            sums[line] = numbers[place] if known is None else known + numbers[place]

    def _choose(
        self,
        places: Places,
        numbers: memoryview[float],
        *,
        choice: Callable[[float, float], float],
    ) -> None:
        for place, line in places:
            known = self.numbers[line]
            self.numbers[line] = numbers[place] if known is None else choice(known, numbers[place])

    def _replace(self, places: Places, numbers: memoryview[float]) -> None:
        """A number that was never set has no moment, and is none."""
        for place, line in places:
            if numbers[place + 1] > self._moments.get(line, 0.0):
                self.numbers[line], self._moments[line] = numbers[place], numbers[place + 1]
