"""Functions that run after a while unless they are called off, which nearly all of them are.

What is run so can be done without: where the system gives no thread, it is not run.

A ``threading.Timer`` is a thread for each of them, which costs ten times what a call does. Here one
thread waits for all; only a function whose time has come gets a thread of its own.
"""

from __future__ import annotations

import heapq
import os
import time
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from itertools import count
from threading import Condition, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Timer:
    """A function that is to run in the context of whoever said so."""

    __slots__ = ("_run",)

    def __init__(self, function: Callable[[], None]) -> None:
        self._run: Callable[[], None] | None = partial(copy_context().run, function)

    @property
    def is_off(self) -> bool:
        """Whether it was called off."""
        return self._run is None

    def call_off(self) -> None:
        """Do not run it, and hold on to nothing until its time has come."""
        self._run = None

    def fire(self) -> None:
        """Run the function beside whoever waits for the others, if the system gives a thread."""
        if (run := self._run) is not None:
            with suppress(RuntimeError):
                Thread(target=run, daemon=True).start()


class Timers:
    """All timers of a process, by when they are due."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Timer]] = []
        self._numbers = count()
        self._changed = Condition()
        self._waits = False

    def after(self, seconds: float, function: Callable[[], None]) -> Timer:
        """Run ``function`` in so many seconds, in the context of the caller."""
        timer = Timer(function)
        entry = (time.monotonic() + seconds, next(self._numbers), timer)
        with self._changed:
            if not self._waits:
                self._waits = self._begin_to_wait()
            if self._waits:
                heapq.heappush(self._due, entry)
                if self._due[0] is entry:
                    self._changed.notify()
        return timer

    def _begin_to_wait(self) -> bool:
        """Start the thread; without one, nothing is run later, and nothing kept for it."""
        try:
            Thread(target=self._wait, name="quintet-timers", daemon=True).start()
        except RuntimeError:
            return False
        return True

    def _wait(self) -> None:
        while True:
            with self._changed:
                timer = self._next()
            if timer is not None:
                timer.fire()

    def _next(self) -> Timer | None:
        """The timer whose time has come, if any; wait for it no longer than for the first one."""
        while self._due and self._due[0][2].is_off:
            heapq.heappop(self._due)
        left = self._due[0][0] - time.monotonic() if self._due else None
        if left is not None and left <= 0:
            return heapq.heappop(self._due)[2]
        self._changed.wait(left)
        return None


_timers = Timers()


def after(seconds: float, function: Callable[[], None]) -> Timer:
    """Run ``function`` in so many seconds, unless the timer is called off before."""
    return _timers.after(seconds, function)


def forget_timers() -> None:
    """Have none: a child of a fork has no thread that waits, and waits for nobody."""
    global _timers  # noqa: PLW0603 - the one reference that a fork replaces
    _timers = Timers()


os.register_at_fork(after_in_child=forget_timers)
