"""What a request asks of its database: how often, for how long, and whether again and again.

One query per row of a page is the commonest way in which a service becomes slow, and the hardest to
see: each of them is fast. So the shapes of statements are counted where people develop and test.
"""

from __future__ import annotations

import sys
import sysconfig
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quintet.telemetry.statements import operation_of, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

MOST_REPEATED = 10
"""How often one shape may be asked within a request; a page has twenty rows."""

_BOOKKEEPING = frozenset({"SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "SET", ""})
_LIBRARIES = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    | {str(Path(__file__).parent.parent)}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """A statement that was asked too often, and the line that asked once too many, if known."""

    shape: str
    count: int
    place: str


class Tally:
    """Counts the statements of one request."""

    __slots__ = ("count", "seconds")

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0

    def add(self, sql: Any, seconds: float) -> None:  # noqa: ARG002 - it may be compared
        """Count a statement that took so long."""
        self.count += 1
        self.seconds += seconds

    def repeated(self) -> list[Repeated]:
        """The shapes that were asked more than ``MOST_REPEATED`` times."""
        return []


class ComparingTally(Tally):
    """Looks for statements of the same shape, too."""

    __slots__ = ("_counts", "_places")

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, int] = {}
        self._places: dict[str, str] = {}

    def add(self, sql: Any, seconds: float) -> None:
        """Count the statement and its shape, and see who asks once too many."""
        super().add(sql, seconds)
        if not isinstance(sql, str):
            return
        shape = shape_of(sql)
        times = self._counts[shape] = self._counts.get(shape, 0) + 1
        if times == MOST_REPEATED + 1 and operation_of(shape) not in _BOOKKEEPING:
            self._places[shape] = place()

    def repeated(self) -> list[Repeated]:
        """The shapes that were asked too often, and by whom."""
        return [
            Repeated(shape=shape, count=self._counts[shape], place=place)
            for shape, place in self._places.items()
        ]


_current: ContextVar[Tally | None] = ContextVar("quintet_tally", default=None)


def current() -> Tally | None:
    """The tally that is bound here."""
    return _current.get()


def bind(tally: Tally) -> Token[Tally | None]:
    """Count what this thread or task asks, until ``unbind``."""
    return _current.set(tally)


def unbind(token: Token[Tally | None]) -> None:
    """Put back what was bound before."""
    _current.reset(token)


@contextmanager
def counting(tally: Tally) -> Iterator[Tally]:
    """Count what is asked within a ``with`` block."""
    token = bind(tally)
    try:
        yield tally
    finally:
        unbind(token)


def place() -> str:
    """The innermost line that is neither of a library nor of the chassis; empty without one."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - what the inspect module wraps, and slows down
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith((*_LIBRARIES, "<")):
            module = frame.f_globals.get("__name__", code.co_filename)
            return f"{module}:{frame.f_lineno} in {code.co_qualname}"
        frame = frame.f_back
    return ""
