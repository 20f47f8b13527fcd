"""How many calls of one kind are under way at once, so that a slow one leaves room for the others.

A service whose every thread waits for one slow neighbour answers nobody, also those who need
nothing of that neighbour.
"""

from __future__ import annotations

import threading
import time


class Bulkhead:
    """Gives out ``places``, and lets at most ``queue`` wait for one."""

    def __init__(self, *, places: int, queue: int) -> None:
        self.places, self.queue = places, queue
        self.taken = self.waiting = 0
        self._freed = threading.Condition(threading.Lock())

    def enter(self, seconds: float) -> bool:
        """Take a place, for which one may have to wait so long; false when there is none."""
        with self._freed:
            if self.taken < self.places and not self.waiting:
                self.taken += 1
                return True
            if self.waiting >= self.queue:
                return False
            return self._wait(time.monotonic() + seconds)

    def leave(self) -> None:
        """Give a place back."""
        with self._freed:
            self.taken -= 1
            if self.waiting:
                self._freed.notify()

    def _wait(self, ends_at: float) -> bool:
        ahead = self.waiting
        self.waiting += 1
        try:
            while self.taken + ahead >= self.places:
                left = ends_at - time.monotonic()
                if left <= 0:
                    return False
                self._freed.wait(left)
                ahead = 0
            self.taken += 1
            return True
        finally:
            self.waiting -= 1
            if self.taken < self.places:
                self._freed.notify()  # what this one was told of may be for the next
