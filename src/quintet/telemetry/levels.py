"""How many lines were logged at which level: a seam between the logs and the metrics.

The metrics log, so the logs cannot know the metrics. ``metrics.configure`` says who counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Add = Callable[[float], None]

NAMES = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class Counters(dict[str, "Add"]):
    """What counts the lines of each level; a level that somebody made up is not counted."""

    def __missing__(self, level: str) -> Add:
        return _ignore

    def feed(self, counters: Mapping[str, Add]) -> None:
        """Let each level be counted by its counter, and the others by none."""
        self.clear()
        self.update(counters)


def _ignore(_: float) -> None:
    pass


counters = Counters()
"""``counters["INFO"](1.0)`` for each line: a call more would cost as much as the counting."""
