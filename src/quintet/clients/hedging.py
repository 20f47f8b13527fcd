"""A second attempt beside a first one that takes long; the answer that comes first is taken.

Of many calls a few are slow for no reason of their own: a collection of garbage, a lost packet, an
address with a long queue. Asked once more after the time in which 95 of 100 are answered, most of
those few are quick (Dean and Barroso, *The Tail at Scale*, 2013).
"""

from __future__ import annotations

import time
from contextlib import suppress
from threading import Event, Lock
from typing import TYPE_CHECKING, ParamSpec, TypeAlias

from prometheus_client import Counter

from quintet import wire
from quintet.clients import timers
from quintet.errors import ServiceException, UnavailableException

if TYPE_CHECKING:
    from collections.abc import Callable

    Attempt: TypeAlias = Callable[[wire.Interrupt], wire.Response]

P = ParamSpec("P")

Outcome: TypeAlias = wire.Response | ServiceException
"""What an attempt came to: an answer, or why there is none."""

HEDGES = Counter(
    "client_hedges_total",
    "Second attempts beside a first one that took long, by whether theirs was the answer.",
    ["service", "outcome"],
)
_OF_NO_USE = frozenset({429, 502, 503, 504})


def ended(attempt: Callable[P, wire.Response], *args: P.args, **kwargs: P.kwargs) -> Outcome:
    """Make an attempt and say what it came to."""
    try:
        return attempt(*args, **kwargs)
    except ServiceException as error:
        return error


class Entrant:
    """One of two attempts, and what has become of it."""

    def __init__(self, attempt: Attempt) -> None:
        self.outcome: Outcome = UnavailableException("Ended: another attempt had the answer.")
        self.interrupt = wire.Interrupt()
        self._attempt = attempt

    def run(self) -> None:
        """Make the attempt."""
        with suppress(wire.Interrupted):
            self.outcome = ended(self._attempt, self.interrupt)

    @property
    def has_answer(self) -> bool:
        """Whether there is an answer, and not one that asks to come again."""
        return isinstance(self.outcome, wire.Response) and self.outcome.status not in _OF_NO_USE


class Race:
    """A first attempt in the thread of the caller, and if need be a second one in a timer's.

    Whoever has an answer ends the other: its connection is closed, so nobody waits for it, neither
    here nor there. ``may_begin`` is asked when the second attempt would begin.
    """

    def __init__(
        self, service: str, first: Attempt, second: Attempt, *, may_begin: Callable[[], bool]
    ) -> None:
        self._service, self._may_begin = service, may_begin
        self._first, self._second = Entrant(first), Entrant(second)
        self._winner: Entrant | None = None
        self._lock = Lock()
        self._is_late = self._has_begun = False
        self._second_is_over = Event()

    def run(self, pause: float, *, ends_at: float) -> Outcome:
        """The answer, or what the first attempt came to when neither has one in time.

        The second one begins after ``pause`` seconds; ``ends_at`` is of the monotonic clock.
        """
        timer = timers.after(pause, self._run_second)
        try:
            self._first.run()
        except BaseException:
            self._second.interrupt.set()
            raise
        finally:
            timer.call_off()
            with self._lock:
                self._is_late = True
        return (self._best(ends_at) if self._has_begun else self._first).outcome

    def _best(self, ends_at: float) -> Entrant:
        if not self._first.has_answer:
            # Who resolves a name cannot be ended; nobody waits for him beyond the deadline.
            self._second_is_over.wait(max(0.0, ends_at - time.monotonic()))
        self._win(self._first, over=self._second)
        best = self._winner or self._first
        HEDGES.labels(self._service, "won" if best is self._second else "lost").inc()
        return best

    def _run_second(self) -> None:
        with self._lock:
            if self._is_late or not self._may_begin():
                return
            self._has_begun = True
        try:
            self._second.run()
            if self._second.has_answer:
                self._win(self._second, over=self._first)
        finally:
            self._second_is_over.set()

    def _win(self, entrant: Entrant, *, over: Entrant) -> None:
        with self._lock:
            if self._winner is not None:
                return
            self._winner = entrant
        over.interrupt.set()
