"""The instant at which nobody waits for the answer any more.

It is absolute and monotonic inside a process, and the time that is left on the wire: the clocks of
two machines never meet. It is bound to the running thread or task, as a context is.
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from contextvars import ContextVar, Token
from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import Counter

from quintet.errors import DeadlineException

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = "X-Request-Timeout-Ms"
"""Remaining milliseconds, as gRPC sends them in ``grpc-timeout``; no RFC names one for HTTP."""

LONGEST_HEADER = 9

EXCEEDED = Counter(
    "deadline_exceeded_total", "What was given up, or came too late, by the stage.", ["stage"]
)
OVERRUN = Counter(
    "deadline_overrun_seconds_total", "Time spent on requests after their deadline had passed."
)

_ends_at: ContextVar[float | None] = ContextVar("quintet_deadline", default=None)


def bind(ends_at: float | None) -> Token[float | None]:
    """Make an instant of ``time.monotonic`` the deadline, until ``unbind``; ``None`` for none."""
    return _ends_at.set(ends_at)


def unbind(token: Token[float | None]) -> None:
    """Put back what was bound before."""
    _ends_at.reset(token)


def ends_at() -> float | None:
    """The deadline that is bound here."""
    return _ends_at.get()


def remaining() -> float | None:
    """Seconds that are left, negative when the deadline has passed; ``None`` without one."""
    instant = _ends_at.get()
    return None if instant is None else instant - time.monotonic()


def bounded(seconds: float) -> float:
    """The smaller of ``seconds`` and what is left: the time-out of a step; 0 when it is over."""
    instant = _ends_at.get()
    return seconds if instant is None else max(0.0, min(seconds, instant - time.monotonic()))


def is_over() -> bool:
    """Whether nobody waits any more."""
    instant = _ends_at.get()
    return instant is not None and instant <= time.monotonic()


def check(stage: str) -> None:
    """Stop before ``stage`` begins if nobody waits for its result; raises ``DeadlineException``."""
    if is_over():
        raise exceeded(stage)


def exceeded(stage: str) -> DeadlineException:
    """Count a stage that was given up, and make the error to raise for it."""
    count(stage)
    return DeadlineException(f"No time was left for the {stage}.")


def count(stage: str) -> None:
    """Count a stage that was given up, or came too late; a stage is a name from the source."""
    _counter(stage).inc()


@contextmanager
def running(ends_at: float | None) -> Iterator[None]:
    """Bind an instant for the length of a ``with`` block."""
    token = bind(ends_at)
    try:
        yield
    finally:
        unbind(token)


@contextmanager
def within(seconds: float) -> Iterator[float]:
    """Narrow the deadline to ``seconds`` from now for a block; it is never widened."""
    instant = time.monotonic() + seconds
    bound = _ends_at.get()
    token = bind(instant if bound is None else min(bound, instant))
    try:
        yield instant
    finally:
        unbind(token)


@contextmanager
def granting(seconds: float) -> Iterator[None]:
    """Give a block at least ``seconds``, whatever is left.

    For writing down what has happened elsewhere already: to be short of time is no reason to forget
    a payment. Nothing else is worth working for when nobody waits.
    """
    bound = _ends_at.get()
    token = bind(None if bound is None else max(bound, time.monotonic() + seconds))
    try:
        yield
    finally:
        unbind(token)


def from_header(value: str) -> float | None:
    """Read the seconds that a caller still waits; ``None`` for anything but a whole number."""
    if not (value.isascii() and value.isdigit() and len(value) <= LONGEST_HEADER):
        return None
    return int(value) / 1000


def to_header(seconds: float) -> str:
    """Write seconds as the next service reads them, rounded down: it shall give up first."""
    return str(max(0, math.floor(seconds * 1000)))


@cache
def _counter(stage: str) -> Counter:
    return EXCEEDED.labels(stage)
