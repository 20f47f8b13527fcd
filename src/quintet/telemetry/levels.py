"""How many lines were logged at which level: a seam between the logs and the metrics.

The metrics log, so the logs cannot know the metrics. ``metrics.configure`` says who counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NAMES = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_counting: dict[str, Callable[[float], None]] = {}


def count(level: str) -> None:
    """Count one line; a level that somebody made up is not counted."""
    add = _counting.get(level)
    if add is not None:
        add(1.0)


def feed(counters: Mapping[str, Callable[[float], None]]) -> None:
    """Let each level be counted by its counter, and the others by none."""
    _counting.clear()
    _counting.update(counters)
