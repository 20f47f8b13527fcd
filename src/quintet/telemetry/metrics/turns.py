"""One at a time, and nobody twice: who waits for a turn may share what the one before has made."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

from quintet.errors import UnavailableException

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

WAIT_SECONDS = 5.0


class Turns(Generic[T]):
    """Makes something that takes long for all who ask at the same time.

    What was begun after somebody came is fresh for them, and no older thing is. However many ask,
    at most two are made: the one that was under way, and one for all who came meanwhile.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last: dict[object, tuple[float, T]] = {}

    def take(self, kind: object, make: Callable[[], T]) -> T:
        """Return what ``make`` makes, or has made for somebody else who asked for ``kind``."""
        came = self._clock()
        if not self._lock.acquire(timeout=WAIT_SECONDS):
            raise UnavailableException("The metrics are being read; ask again.")
        try:
            last = self._last.get(kind)
            if last is None or last[0] < came:
                last = self._last[kind] = (self._clock(), make())
            return last[1]
        finally:
            self._lock.release()
