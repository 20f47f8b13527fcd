"""Whether to call somebody who fails: not for a while, then with a few calls, then as before.

A caller that goes on calling a service which cannot answer waits for nothing with each request, and
keeps that service from getting up. Nothing is locked while a call is under way: a breaker is asked
before it, and told afterwards.
"""

from __future__ import annotations

import enum
import math
import random
import threading
import time
from typing import TYPE_CHECKING

from quintet.resilience.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

FAILURE_SHARE = 0.8
FEWEST_CALLS = 20
MOST_IN_A_ROW = 10
WINDOW_SECONDS = 10.0
OPEN_SECONDS = 1.0
OPEN_SECONDS_MAX = 10.0
PROBES = 3
_JITTER = 0.1


class State(enum.IntEnum):
    """What a breaker does; the numbers are those of its gauge."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Breaker:
    """Opens when four of five of at least twenty calls in ten seconds failed, or ten in a row.

    Then no call is made for ``open_seconds``, and twice as long each time it opens again without
    having closed, up to ten seconds; a tenth more or less, so that a fleet does not come back in
    step. After that it is half open: three calls are let through. When all of them fail it is open
    again, else it closes: a service that answers every other call is better called than not.

    What is no failure of the other side is told as none: an answer that refuses, or a call that had
    too little time. A call that began before the last change says nothing about the time after it.
    """

    def __init__(
        self,
        *,
        open_seconds: float = OPEN_SECONDS,
        changed: Callable[[State], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.state = State.CLOSED
        self._open_seconds = self._open_next = open_seconds
        self._changed = changed
        self._clock, self._chance = clock, chance
        self._lock = threading.Lock()
        self._window = Window(WINDOW_SECONDS)
        self._era = self._in_a_row = self._sent = self._passed = self._failed = 0
        self._tries_at = self._probed_at = math.inf

    def admit(self) -> int | None:
        """The number to settle a call with, or ``None`` when it is not to be made."""
        if self.state is State.CLOSED:
            return self._era
        with self._lock:
            return self._admit()

    def succeeded(self, era: int) -> None:
        """Tell that a call was answered, be it with a refusal."""
        with self._lock:
            if era != self._era:
                return
            if self.state is State.CLOSED:
                self._in_a_row = 0
                self._window.add(self._clock())
                return
            self._passed += 1
            self._judge_probes()

    def failed(self, era: int) -> None:
        """Tell that the other side failed to answer, or said that it cannot."""
        with self._lock:
            if era != self._era:
                return
            if self.state is State.HALF_OPEN:
                self._failed += 1
                self._judge_probes()
                return
            self._in_a_row += 1
            self._window.add(self._clock(), bad=True)
            if self._is_too_much():
                self._open()

    def told_nothing(self, era: int) -> None:
        """Tell that a call ended in a way that says nothing about the other side."""
        with self._lock:
            if era == self._era and self.state is State.HALF_OPEN:
                self._sent -= 1

    @property
    def is_willing(self) -> bool:
        """Whether a call would be made now, as far as can be told without asking for it."""
        if self.state is State.HALF_OPEN:
            return self._sent < PROBES
        return self.state is State.CLOSED or self._clock() >= self._tries_at

    @property
    def retry_seconds(self) -> float:
        """For how long no call will be made, as far as that is known; 0 while calls are made."""
        return max(0.0, self._tries_at - self._clock()) if self.state is State.OPEN else 0.0

    def _admit(self) -> int | None:
        now = self._clock()
        if self.state is State.OPEN and now >= self._tries_at:
            self._change(State.HALF_OPEN)
            self._sent = self._passed = self._failed = 0
        if self.state is State.CLOSED:  # somebody was faster
            return self._era
        if self.state is State.OPEN:
            return None
        if self._sent >= PROBES and now < self._probed_at + OPEN_SECONDS_MAX:
            return None  # after that long, nobody will tell how they ended
        self._sent += 1
        self._probed_at = now
        return self._era

    def _judge_probes(self) -> None:
        if self._failed >= PROBES:
            self._open()
        elif self._passed + self._failed >= PROBES:
            self._close()

    def _is_too_much(self) -> bool:
        window = self._window
        often = window.all >= FEWEST_CALLS and window.bad >= FAILURE_SHARE * window.all
        return often or self._in_a_row >= MOST_IN_A_ROW

    def _open(self) -> None:
        seconds = self._open_next * (1 + _JITTER * (2 * self._chance() - 1))
        self._open_next = max(self._open_seconds, min(self._open_next * 2, OPEN_SECONDS_MAX))
        self._tries_at = self._clock() + seconds
        self._change(State.OPEN)

    def _close(self) -> None:
        self._open_next = self._open_seconds
        self._in_a_row = 0
        self._window.clear()
        self._change(State.CLOSED)

    def _change(self, state: State) -> None:
        self.state = state
        self._era += 1
        if self._changed is not None:
            self._changed(state)
