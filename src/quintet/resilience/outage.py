"""The time in which something that can be done without does not answer.

Whoever meets the failure begins the outage. While it lasts, one caller at a time tries again, at
intervals, and the others do without at once: nobody waits in line for the same time-out.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

RETRY_SECONDS = 1.0


class Outage:
    """Remembers whether something is out; every method returns at once."""

    def __init__(
        self,
        *,
        retry_seconds: float = RETRY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._retry_seconds = retry_seconds
        self._clock = clock
        self._lasts = False
        self._next_try = -math.inf
        self._lock = threading.Lock()

    def spares(self) -> bool:
        """Whether to do without this time; it is said to all but one caller in an interval."""
        if not self._lasts:
            return False
        with self._lock:
            now = self._clock()
            if now < self._next_try:
                return True
            self._next_try = now + self._retry_seconds
            return False

    def begin(self) -> bool:
        """Note a failure; true for the first one, which is worth a line in the log."""
        with self._lock:
            first, self._lasts = not self._lasts, True
            self._next_try = self._clock() + self._retry_seconds
            return first

    def end(self) -> bool:
        """Note a success; true when it ends an outage."""
        if not self._lasts:
            return False
        with self._lock:
            ended, self._lasts = self._lasts, False
            self._next_try = -math.inf
            return ended
