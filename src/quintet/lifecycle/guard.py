"""What a process does about memory that runs short."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psutil

from quintet.lifecycle import pressure, succession
from quintet.lifecycle.thresholds import Threshold
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

RELIEF_SECONDS = 30.0
"""How far apart it gives something up while that goes on: collecting holds up everything else."""
RECYCLE_SECONDS = 60.0
"""How long it goes on before the largest worker asks for a successor."""

log = get_logger("quintet.lifecycle")


class Guard:
    """Gives up what this process alone has, and then, if that was not enough, the process."""

    def __init__(self, percent_max: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._threshold = Threshold(percent=percent_max, looks=1)
        self._clock = clock
        self._since: float | None = None
        self._relieved_at = 0.0

    def look(self, percent: float) -> None:
        """Judge how much of the memory is used, and do the next thing about it."""
        self._threshold.look(percent)
        if not self._threshold.is_above:
            self._since = None
            return
        now = self._clock()
        if self._since is None:
            self._since = now
            self._relieve(now, percent)
        elif now - self._since >= RECYCLE_SECONDS and is_largest():
            succession.ask("memory")
        elif now - self._relieved_at >= RELIEF_SECONDS:
            self._relieve(now, percent)

    def _relieve(self, now: float, percent: float) -> None:
        self._relieved_at = now
        log.info("memory runs short: local caches are dropped", percent=round(percent, 1))
        pressure.relieve()


def is_largest() -> bool:
    """Whether no other child of the same parent has more memory: it is the one to be replaced."""
    this = psutil.Process()
    own = this.memory_info().rss
    try:
        family = this.parent()
        others = family.children() if family else []
        return all(other.memory_info().rss <= own for other in others if other.pid != this.pid)
    except psutil.Error:
        return True  # one of them has just ended: whoever asks is as good as any
