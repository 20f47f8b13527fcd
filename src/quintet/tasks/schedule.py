"""What is begun again and again, once in each span of the clock, whoever does it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from quintet import context
from quintet.tasks.declared import rhythms

if TYPE_CHECKING:
    from collections.abc import Callable

    from quintet.tasks.declared import BoundedTask


class Schedule:
    """Looks at the clock, and begins what nobody has begun in the span that it is in."""

    def __init__(
        self,
        begin: Callable[[BoundedTask, float], None],
        *,
        takes: Callable[[str, int, float], bool],
    ) -> None:
        self._begin, self._takes = begin, takes
        self._seen: dict[str, int] = {}

    def look(self) -> None:
        """Begin what is due; what could not be begun is due until its span is over."""
        for path, rhythm in rhythms().items():
            span = int(time.time() // rhythm.seconds)
            if self._seen.get(path) == span:
                continue
            if self._takes(path, span, rhythm.seconds):
                with context.running(context.new()):
                    self._begin(rhythm.task, rhythm.seconds)
            self._seen[path] = span
