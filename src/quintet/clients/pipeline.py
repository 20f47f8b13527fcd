"""One call from its beginning to its end, whatever becomes of its attempts.

The order is the same for all clients: deadline, retry budget, retry, breaker, bulkhead, the time of
the attempt, the call. A retry stands outside of the breaker, so that a breaker that has just opened
ends it; both stand outside of the bulkhead, so that nobody holds a place while he waits. A hedge
stands where a retry does: it is one more attempt, paid from the same budget.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from prometheus_client import Counter

from quintet import wire
from quintet.clients.hedging import Outcome, Race, ended
from quintet.errors import (
    DeadlineException,
    ExternalServiceException,
    ServiceException,
    UnavailableException,
)
from quintet.resilience import deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from quintet.clients.dependencies import Dependency, Peer
    from quintet.clients.policy import Effective
    from quintet.clients.transport import Transport
    from quintet.resilience.breaker import Breaker
    from quintet.resilience.latency import Percentile

USEFUL_SECONDS = 0.005
"""With less than that left, no further attempt is made."""
BACKOFF_SECONDS = 0.05
BACKOFF_SECONDS_MAX = 1.0

RETRIES = Counter("client_retries_total", "Attempts after the first one.", ["service"])
SPARED = Counter(
    "client_spared_total", "Calls and retries that were not made, and why.", ["service", "reason"]
)

_STAGE = "call"
_CANNOT = frozenset({502, 503, 504})
_AGAIN = frozenset({429, 502, 503})
_LATE = 504
_LONGEST_RETRY_AFTER = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be sent, and what may be done to have it answered."""

    base_urls: Sequence[str]
    build: Callable[[str, float], wire.Request]
    """Makes the request of an attempt to one of them, which may take so many seconds."""
    repeatable: bool
    usual: Percentile | None
    """How long it usually takes, of what is asked once more when it takes longer."""
    numbers: Effective
    waits: bool = True
    """Whether an attempt may wait for its turn."""

    def ended_by(self, interrupt: wire.Interrupt) -> Plan:
        """The same, of which ``interrupt`` ends the attempts."""
        return replace(self, build=lambda *to: replace(self.build(*to), interrupt=interrupt))


class SparedException(UnavailableException):
    """The call was not made: its service fails too often, or is asked too much at once already."""


class Pipeline:
    """Makes one call to one service, in as many attempts as it takes."""

    def __init__(self, dependency: Dependency, transport: Transport) -> None:
        self._dependency, self._transport = dependency, transport
        self._tried: list[Peer] = []

    def run(self, plan: Plan) -> wire.Response:
        """Return the answer of the last attempt, or raise why there was none.

        Raises:
            SparedException: no attempt was made, or none after the first ones.
            UnavailableException: nobody is there.
            DeadlineException: there was no answer in time.
            ExternalServiceException: the answer is of no use.
        """
        allowed = deadline.bounded(plan.numbers.timeout_seconds)
        ends_at = time.monotonic() + allowed
        self._dependency.budget.deposit()
        try:
            return self._repeated(plan, ends_at)
        except DeadlineException as error:
            if time.monotonic() + USEFUL_SECONDS < ends_at:
                raise
            # The last attempt names the time that it had, of which nobody has ever heard.
            name = self._dependency.name
            raise DeadlineException(
                f"{name} did not answer within {allowed:.2g} seconds."
            ) from error

    def _repeated(self, plan: Plan, ends_at: float) -> wire.Response:
        for retry in range(plan.numbers.retries if plan.repeatable else 0):
            outcome = self._outcome(plan, ends_at)
            pause = _pause(outcome, BACKOFF_SECONDS * 2**retry)
            if pause is None or not self._may_repeat(pause, ends_at):
                return _told(outcome)
            time.sleep(pause)
        return _told(self._outcome(plan, ends_at))

    def _outcome(self, plan: Plan, ends_at: float) -> Outcome:
        pause = None if plan.usual is None else plan.usual.seconds
        if pause is None or time.monotonic() + pause + USEFUL_SECONDS > ends_at:
            return ended(self._attempt, plan, ends_at)
        # Who is asked too much at once is not helped by being asked more.
        second = replace(plan, waits=False)
        return Race(
            self._dependency.name,
            lambda interrupt: self._attempt(plan.ended_by(interrupt), ends_at),
            lambda interrupt: self._attempt(second.ended_by(interrupt), ends_at),
            may_begin=self._may_spend,
        ).run(pause, ends_at=ends_at)

    def _may_repeat(self, pause: float, ends_at: float) -> bool:
        name = self._dependency.name
        if time.monotonic() + pause + USEFUL_SECONDS > ends_at:
            SPARED.labels(name, "time").inc()
            return False
        if not self._may_spend():
            return False
        RETRIES.labels(name).inc()
        return True

    def _may_spend(self) -> bool:
        granted = self._dependency.budget.withdraw()
        if not granted:
            SPARED.labels(self._dependency.name, "budget").inc()
        return granted

    def _attempt(self, plan: Plan, ends_at: float) -> wire.Response:
        peer, era = self._admitted(plan)
        bulkhead, entered = self._dependency.bulkhead, False
        try:
            entered = bulkhead.enter((ends_at - time.monotonic()) / 2 if plan.waits else 0.0)
        finally:
            if not entered:
                peer.breaker.told_nothing(era)
        if not entered:
            raise self._spared("full", "is asked too much at once")
        peer.enter()
        try:
            return self._send(plan, peer, era, left=ends_at - time.monotonic())
        finally:
            peer.leave()
            bulkhead.leave()

    def _admitted(self, plan: Plan) -> tuple[Peer, int]:
        """An address that may be called; one that was tried before only when there is no other."""
        refusing: list[Peer] = []
        while len(refusing) < len(plan.base_urls):
            peer = self._dependency.choose(plan.base_urls, tried=[*self._tried, *refusing])
            era = peer.breaker.admit()
            if era is not None:
                self._tried.append(peer)
                return peer, era
            refusing.append(peer)
        seconds = min(peer.breaker.retry_seconds for peer in refusing)
        raise self._spared("open", "is not called for now: it failed", seconds)

    def _send(self, plan: Plan, peer: Peer, era: int, *, left: float) -> wire.Response:
        seconds = min(left, plan.numbers.attempt_seconds) if plan.repeatable else left
        began, breaker = time.monotonic(), peer.breaker
        try:
            response = self._transport.send(plan.build(peer.base_url, seconds))
        except DeadlineException:
            self._was_late(breaker, era, seconds=seconds)
            self._note(plan, began)
            raise
        except wire.Interrupted:
            breaker.told_nothing(era)
            self._note(plan, began)
            raise
        except (UnavailableException, ExternalServiceException):
            breaker.failed(era)
            raise
        except BaseException:
            breaker.told_nothing(era)
            raise
        if response.status not in _CANNOT or wire.NO_RETRY_HEADER in response.headers:
            breaker.succeeded(era)
            self._dependency.learn(time.monotonic() - began)
            self._note(plan, began)
        elif response.status == _LATE:
            self._was_late(breaker, era, seconds=seconds)
        else:
            breaker.failed(era)
        return response

    @staticmethod
    def _note(plan: Plan, began: float) -> None:
        """Remember how long it took, or took at least when it did not come to its end."""
        if plan.usual is not None:
            plan.usual.add(time.monotonic() - began)

    def _was_late(self, breaker: Breaker, era: int, *, seconds: float) -> None:
        """Count an answer that did not come in time, unless there was hardly any."""
        if self._dependency.had_a_chance(seconds):
            breaker.failed(era)
        else:
            breaker.told_nothing(era)

    def _spared(self, reason: str, why: str, seconds: float | None = None) -> SparedException:
        SPARED.labels(self._dependency.name, reason).inc()
        wait = None if seconds is None else max(1, round(seconds))
        return SparedException(f"{self._dependency.name} {why}.", wait)


def _pause(outcome: Outcome, spread: float) -> float | None:
    """How long to wait before the next attempt; ``None`` when another one makes no sense."""
    least = _least_pause(outcome)
    if least is None:
        return None
    return least + random.uniform(0.0, min(spread, BACKOFF_SECONDS_MAX))  # noqa: S311 - no secret


def _least_pause(outcome: Outcome) -> float | None:
    if isinstance(outcome, wire.Response):
        if outcome.status not in _AGAIN or wire.NO_RETRY_HEADER in outcome.headers:
            return None
        return _asked_to_wait(outcome)
    repeats = isinstance(outcome, UnavailableException | DeadlineException)
    return 0.0 if repeats and not isinstance(outcome, SparedException) else None


def _asked_to_wait(response: wire.Response) -> float | None:
    """The seconds of ``Retry-After`` (RFC 9110, 10.2.3), 0 without one; ``None`` for anything else.

    Who names a date, or writes something that nobody understands, does not want to be asked soon.
    """
    written = response.headers.get("retry-after")
    if written is None:
        return 0.0
    understood = written.isascii() and written.isdigit() and len(written) <= _LONGEST_RETRY_AFTER
    return float(written) if understood else None


def _told(outcome: Outcome) -> wire.Response:
    if isinstance(outcome, ServiceException):
        raise outcome
    return outcome
