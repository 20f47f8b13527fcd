"""The instant at which nobody waits for the answer any more.

It is absolute and monotonic inside a process, and the time that is left on the wire: the clocks of
two machines never meet. It is bound to the running thread or task, as a context is.
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING

from quintet.errors import DeadlineException

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = "X-Request-Timeout-Ms"
"""Remaining milliseconds, as gRPC sends them in ``grpc-timeout``; no RFC names one for HTTP."""

LONGEST_HEADER = 9

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


def check(stage: str) -> None:
    """Stop before ``stage`` begins if nobody waits for its result; raises ``DeadlineException``."""
    left = remaining()
    if left is not None and left <= 0:
        raise DeadlineException(f"The time of the request was over before: {stage}.")


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


def from_header(value: str) -> float | None:
    """Read the seconds that a caller still waits; ``None`` for anything but a whole number."""
    if not (value.isascii() and value.isdigit() and len(value) <= LONGEST_HEADER):
        return None
    return int(value) / 1000


def to_header(seconds: float) -> str:
    """Write seconds as the next service reads them, rounded down: it shall give up first."""
    return str(max(0, math.floor(seconds * 1000)))
