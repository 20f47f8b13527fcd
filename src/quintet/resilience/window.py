"""How often something happened in the last seconds, in slices that are forgotten one by one.

Whoever counts has the lock: a window is a part of something that judges by it.
"""

from __future__ import annotations

SLICES = 10


class Window:
    """Two counts over the last ``seconds``: of all that happened, and of what was bad about it.

    What happened up to a tenth of that time longer ago may still be counted.
    """

    __slots__ = ("_all", "_bad", "_slice", "_slice_seconds", "all", "bad")

    def __init__(self, seconds: float) -> None:
        self._slice_seconds = seconds / SLICES
        self._slice = 0
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._all, self._bad = [0] * SLICES, [0] * SLICES
        self.all = self.bad = 0

    def move(self, now: float) -> None:
        """Forget what is too long ago at the instant ``now``."""
        current = int(now / self._slice_seconds)
        behind = current - self._slice
        if behind <= 0:
            return
        self._slice = current
        if behind >= SLICES:
            self.clear()
            return
        for number in range(current - behind + 1, current + 1):
            at = number % SLICES
            self.all -= self._all[at]
            self.bad -= self._bad[at]
            self._all[at] = self._bad[at] = 0

    def add(self, now: float, *, bad: bool = False) -> None:
        """Count one more at the instant ``now``."""
        self.move(now)
        at = self._slice % SLICES
        self._all[at] += 1
        self.all += 1
        if bad:
            self._bad[at] += 1
            self.bad += 1
