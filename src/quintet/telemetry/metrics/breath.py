"""Long work in small slices, so that the requests of other threads get in between.

A thread that only computes keeps the interpreter for five milliseconds at a time from threads that
wait for it, and a request waits for it after each thing that it asks of a socket.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SLICE_SECONDS = 0.0005
REST_SECONDS = 0.00005
"""A real pause: a sleep of 0 gives the interpreter back before anybody has noticed."""


class Breath:
    """Called between small pieces of work, it rests when a slice is over."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._ends_at = clock() + SLICE_SECONDS

    def __call__(self) -> None:
        """Rest, if it is time to."""
        if self._clock() >= self._ends_at:
            self._sleep(REST_SECONDS)
            self._ends_at = self._clock() + SLICE_SECONDS
