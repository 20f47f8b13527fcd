"""How long something usually takes, told from the last times that it was done."""

from __future__ import annotations

KEPT = 128
FEWEST = 32
"""Of fewer, the slowest of twenty is anybody's guess."""
_SHARE = 0.95
_EVERY = 16


class Percentile:
    """The time in which 95 of 100 are done, of the last 128; threads may lose one of two notes."""

    def __init__(self) -> None:
        self.seconds: float | None = None
        """``None`` until 32 are known."""
        self._ring: list[float] = []
        self._count = 0

    def add(self, seconds: float) -> None:
        """Note one more; every sixteenth time, what is usual is told anew."""
        if len(self._ring) < KEPT:
            self._ring.append(seconds)
        else:
            self._ring[self._count % KEPT] = seconds
        self._count += 1
        if self._count % _EVERY == 0 and self._count >= FEWEST:
            ordered = sorted(self._ring)
            self.seconds = ordered[int(_SHARE * len(ordered))]
