"""How often somebody asks: an exact log of what was granted, of bounded length.

The requests that a caller was granted stand in a log, one line for those in the same part of a
window. A line stands for the last of its requests, so no window ever holds more than its amount.
It is forgotten one part of a window too late at most, so a caller who never stops asking gets
``PARTS`` of ``PARTS + 1`` requests of the amount, at least.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from quintet.settings.rates import Rate

PARTS = 64
"""The lines of a log at most, and with it the exactness: 1.6 % too few, never one too many."""
MOST_CALLERS = 10_000


class Standing(NamedTuple):
    """What is left of a rate, and how long there will be no more than that."""

    left: int
    seconds: float


class Verdict(NamedTuple):
    """Whether a request is granted, and how the caller stands with each rate afterwards."""

    granted: bool
    standings: Sequence[Standing]

    @property
    def retry_seconds(self) -> float:
        """When a refused caller will be granted a request, if nobody else asks in its name."""
        return max((it.seconds for it in self.standings if it.left == 0), default=0.0)


class Uncountable(Exception):
    """Whoever keeps the logs does not answer; the text says why."""


class RateLimiter(Protocol):
    """Counts requests; one that is refused does not count."""

    def ask(self, caller: str, rates: Sequence[Rate]) -> Verdict:
        """Grant one more request if every rate allows it, or raise ``Uncountable``.

        A caller always comes with the same rates.
        """

    def give_back(self, caller: str) -> None:
        """Undo the last grant of a caller, if any is known, or raise ``Uncountable``."""

    def forget(self) -> None:
        """Begin anew with everybody, as tests do."""


class LocalRateLimiter:
    """Counts in this process alone, on a clock that nobody can set.

    It knows ``most_callers`` at most, and forgets whoever has not asked for longest.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, most_callers: int = MOST_CALLERS
    ) -> None:
        self._clock = clock
        self._most_callers = most_callers
        self._logs: OrderedDict[str, list[_Log]] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, caller: str, rates: Sequence[Rate]) -> Verdict:
        """Grant one more request if every rate allows it."""
        with self._lock:
            now = self._clock()
            logs = self._logs_of(caller, rates)
            granted = min(log.left(now) for log in logs) > 0
            if granted:
                for log in logs:
                    log.add(now)
            return Verdict(granted, [Standing(log.left(now), log.wait(now)) for log in logs])

    def give_back(self, caller: str) -> None:
        """Undo the last grant of a caller, if any is known."""
        with self._lock:
            for log in self._logs.get(caller, ()):
                log.undo()

    def forget(self) -> None:
        """Begin anew with everybody."""
        with self._lock:
            self._logs.clear()

    def _logs_of(self, caller: str, rates: Sequence[Rate]) -> list[_Log]:
        logs = self._logs.get(caller)
        if logs is None:
            logs = self._logs[caller] = [_Log(rate) for rate in rates]
            if len(self._logs) > self._most_callers:
                self._logs.popitem(last=False)
        self._logs.move_to_end(caller)
        return logs


class _Log:
    """What one caller was granted of one rate, as a line of numbers: when, how often, when, …."""

    __slots__ = ("_lines", "_rate", "_used")

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._used = 0
        self._lines: list[float] = []

    def left(self, now: float) -> int:
        """Forget what no longer counts, and say what is left."""
        lines, horizon = self._lines, now - self._rate.seconds
        while lines and lines[0] <= horizon:
            self._used -= int(lines[1])
            del lines[:2]
        return self._rate.amount - self._used

    def add(self, now: float) -> None:
        """Note one more request."""
        lines, part = self._lines, self._rate.seconds / PARTS
        if lines and lines[-2] // part == now // part:
            lines[-2:] = (now, lines[-1] + 1)
        else:
            lines += (now, 1)
        self._used += 1

    def undo(self) -> None:
        """Take the last request out again, unless it was forgotten meanwhile."""
        if not self._lines:
            return
        self._used -= 1
        self._lines[-1] -= 1
        if not self._lines[-1]:
            del self._lines[-2:]

    def wait(self, now: float) -> float:
        """How long until the oldest line is forgotten; the whole window when there is none."""
        oldest = self._lines[0] if self._lines else now
        return oldest + self._rate.seconds - now
