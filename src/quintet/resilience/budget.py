"""How many calls may be made a second time, so that failing services are not called the more.

Three attempts at each of three layers are twenty-seven calls to a service that cannot answer one.
A budget is a part of the calls that are made anyway: whatever fails, the others get no more than
that on top.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from quintet.resilience.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

SHARE = 0.1
FLOOR = 10
WINDOW_SECONDS = 10.0


class RetryBudget:
    """Grants extra attempts: a ``share`` of the calls of the last ten seconds, or ten.

    The ten are for those who call rarely, and not added to the share.
    """

    def __init__(
        self, *, share: float = SHARE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._share, self._clock = share, clock
        self._lock = threading.Lock()
        self._window = Window(WINDOW_SECONDS)

    def deposit(self) -> None:
        """Account for a call that is made for the first time."""
        with self._lock:
            self._window.add(self._clock())

    def withdraw(self) -> bool:
        """Take one extra attempt, if there is one left."""
        with self._lock:
            now, window = self._clock(), self._window
            window.move(now)
            calls = window.all - window.bad
            if window.bad + 1 > max(self._share * calls, FLOOR):
                return False
            window.add(now, bad=True)
            return True
