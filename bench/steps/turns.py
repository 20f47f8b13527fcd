"""Takes turns: every contender runs for a while, then the next, and again from the first."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MICROSECONDS = 1e6


def medians(
    contenders: Mapping[str, Callable[[], object]], *, rounds: int, times: int
) -> dict[str, float]:
    """Return the median CPU microseconds of one call of each contender."""
    figures: dict[str, list[float]] = {label: [] for label in contenders}
    for _ in range(rounds):
        for label, step in contenders.items():
            figures[label].append(_once(step, times))
    return {label: statistics.median(found) for label, found in figures.items()}


def _once(step: Callable[[], object], times: int) -> float:
    began = time.thread_time()
    for _ in range(times):
        step()
    return (time.thread_time() - began) / times * MICROSECONDS
