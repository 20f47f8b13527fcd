"""Figures beside what they were to reach, said plainly when they do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, and the bound that it was to keep."""

    label: str
    value: float
    at_most: float | None = None
    at_least: float | None = None
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether the bound is kept, by the number as it is and not as it is printed."""
        low = self.at_least is None or self.value >= self.at_least
        return low and (self.at_most is None or self.value <= self.at_most)


def judged(figures: Iterable[Figure]) -> Iterator[str]:
    """One row for each figure."""
    yield "| figure | measured | to reach | |"
    yield "|---|---|---|---|"
    for one in figures:
        sign, bound = ("≥", one.at_least) if one.at_most is None else ("≤", one.at_most)
        said = "met" if one.met else "**not met**"
        value, reach = f"{one.value:.3g} {one.unit}", f"{sign} {bound:.3g} {one.unit}"
        yield f"| {one.label} | {value} | {reach} | {said} |"
