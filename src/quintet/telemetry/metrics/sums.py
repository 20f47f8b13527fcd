"""How the numbers of several processes become one: by the kind of their metric."""

from __future__ import annotations

import math
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
        self._fractions: dict[int, list[float]] = {}

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

    def finish(self) -> None:
        """Add what is not whole, exactly as well.

        The order of processes changes as they come and go. A sum that depends on it would fall by
        its last bit now and then, and a counter that falls has been set back, for Prometheus.
        """
        for line, parts in self._fractions.items():
            self.numbers[line] = _exact((self.numbers[line] or 0.0, *parts))

    def note(self, line: int, exemplar: Shown) -> None:
        """Keep the exemplar that is the youngest."""
        known = self.exemplars.get(line)
        if known is None or known.timestamp < exemplar.timestamp:
            self.exemplars[line] = exemplar

    def _add(self, places: Places, numbers: memoryview[float]) -> None:
        """Add whole numbers, which is exact, and put the others by for ``finish``."""
        sums = self.numbers
        for place, line in places:
            number, known = numbers[place], sums[line]
            if number % 1.0:
                self._fractions.setdefault(line, []).append(number)
                number = 0.0
            sums[line] = number if known is None else known + number

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


def _exact(parts: Iterable[float]) -> float:
    try:
        return math.fsum(parts)
    except (OverflowError, ValueError):  # more than there is, or infinities of both signs
        return sum(parts)
