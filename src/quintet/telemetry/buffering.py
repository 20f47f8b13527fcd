"""Lines below the level of the log, kept for the length of a request and written when it fails.

Debug lines are too many to be written for every request, and are missed for the one that failed.
The loggers of the service are made to offer them to the request that is running; those of its
libraries are not asked. What is kept is not rendered: most of it is thrown away.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, ClassVar

import structlog

from quintet.telemetry.logs import bound_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from quintet.telemetry.spent import Spent

    Line = logging.LogRecord | Callable[[], logging.LogRecord]
    Kept = tuple[logging.Logger, Line, Mapping[str, Any], int]

MOST_BYTES = 512 * 1024
MARK = "buffered"

_WRITES_ITS_OWN = "quintet.access"
"""One line for each request: those of probes are at debug, and nobody misses them."""
_CHANGING = frozenset({dict, list, set})
_TEXT = frozenset({str, bytes})
_NO_FIELDS: dict[str, Any] = {}
_MOST_COPIED = 100
_RECORD_BYTES = 1_500
_ITEM_BYTES = 64


_BEGINNING = threading.Lock()


class Buffer:
    """The last lines of one request: at most so many, and of a size that is bounded as well."""

    __slots__ = ("_bytes", "_kept", "_lock", "_missing", "_most_lines", "spent")

    def __init__(self, most_lines: int) -> None:
        self._most_lines = most_lines
        self._kept: deque[Kept] | None = None
        self.spent: Spent | None = None
        """What the request has waited for; see ``quintet.telemetry.spent``."""

    def keep(self, logger: logging.Logger, record: logging.LogRecord) -> None:
        """Keep a record instead of the oldest; small collections as they are at this moment."""
        self._add(logger, record, size=_still(record))

    def note(self, logger: logging.Logger, make: Callable[[], logging.LogRecord]) -> None:
        """Keep what ``make`` makes of it, should it be written: for lines that are many."""
        self._add(logger, make, size=_RECORD_BYTES)

    def _add(
        self,
        logger: logging.Logger,
        line: Line,
        *,
        size: int,
    ) -> None:
        lines = self._kept
        if lines is None:
            lines = self._begin()
        with self._lock:
            lines.append((logger, line, bound_fields(), size))
            self._bytes += size
            while len(lines) > self._most_lines or self._bytes > MOST_BYTES:
                self._bytes -= lines.popleft()[3]
                self._missing += 1

    def _begin(self) -> deque[Kept]:
        """Make room with the first line; what another thread of the request asks for comes last."""
        with _BEGINNING:
            if self._kept is None:
                self._lock = threading.RLock()
                self._bytes = self._missing = 0
                self._kept = deque()
            return self._kept

    def write(self) -> None:
        """Write all lines to where each of them would have gone, in their order and marked."""
        if self._kept is None:
            return
        with self._lock:
            kept, self._kept = self._kept, None
        bound = bound_fields()
        structlog.contextvars.clear_contextvars()  # what a line had of them is kept with it
        missing = {"lines_not_kept": self._missing} if self._missing else {}
        try:
            for logger, line, fields, _ in kept:
                record = line if isinstance(line, logging.LogRecord) else line()
                _mark(record, {**fields, **missing})
                missing = {}
                logger.callHandlers(record)
        finally:
            structlog.contextvars.bind_contextvars(**bound)


_current: ContextVar[Buffer | None] = ContextVar("quintet_buffer", default=None)


current: Callable[[], Buffer | None] = _current.get
"""What keeps the lines of this request; none outside of one."""

bind: Callable[[Buffer], Token[Buffer | None]] = _current.set
"""Has lines kept in a buffer, until ``unbind`` is called with what this returns."""

unbind: Callable[[Token[Buffer | None]], None] = _current.reset
"""Puts back what was there before ``bind``."""


@contextmanager
def running(buffer: Buffer) -> Iterator[None]:
    """Bind ``buffer`` for the length of a ``with`` block."""
    token = bind(buffer)
    try:
        yield
    finally:
        unbind(token)


class _Offering(logging.Logger):
    """A logger that offers the running request what is below its own level.

    ``plain`` is the class that it would have otherwise, and that the loggers of others keep: this
    one is given to ``logging`` for all loggers to come.
    """

    plain: ClassVar[type[logging.Logger]]

    def __new__(cls, name: str, level: int = logging.NOTSET) -> Any:
        if "plain" in vars(cls) and not _watches(name):
            return cls.plain(name, level)
        return super().__new__(cls)

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's name
        return super().isEnabledFor(level) or (
            _current.get() is not None
            and level >= logging.DEBUG
            and not self.disabled
            and self.manager.disable < level
        )

    def handle(self, record: logging.LogRecord) -> None:
        buffer = _current.get()
        if buffer is None or super().isEnabledFor(record.levelno):
            super().handle(record)
            return
        passed: Any = self.filter(record)  # from Python 3.12 on it may be another record
        if passed:
            buffer.keep(self, record if passed is True else passed)


def watch(names: Iterable[str]) -> None:
    """Have the loggers of these names, and all below them, offer their lines, now and later."""
    _watched.update(names)
    logging.setLoggerClass(_offering(logging.getLoggerClass()))
    made: dict[str, Any] = dict(logging.root.manager.loggerDict)  # with places of loggers to come
    for name, logger in made.items():
        if isinstance(logger, logging.Logger) and _watches(name):
            logger.__class__ = _offering(type(logger))


_watched: set[str] = set()
_made: dict[type[logging.Logger], type[logging.Logger]] = {}


def _watches(name: str) -> bool:
    return name != _WRITES_ITS_OWN and any(
        name == watched or name.startswith(f"{watched}.") for watched in _watched
    )


def _offering(plain: type[logging.Logger]) -> type[logging.Logger]:
    if issubclass(plain, _Offering):
        return plain
    if plain not in _made:
        _made[plain] = type(f"Offering{plain.__name__}", (_Offering, plain), {"plain": plain})
    return _made[plain]


def _mark(record: logging.LogRecord, fields: Mapping[str, Any]) -> None:
    own = getattr(record, "event_fields", None)
    if own is not None:
        record.event_fields = {**fields, **own, MARK: True}
        return
    for name, value in {**fields, MARK: True}.items():
        vars(record).setdefault(name, value)


def _still(record: logging.LogRecord) -> int:
    """Copy what may change before it is rendered, if it is small; return about how large it is."""
    size = _RECORD_BYTES
    if type(record.msg) is str:
        size += len(record.msg)
    if type(record.args) is tuple:
        given: tuple[Any, ...] = record.args
        for at, value in enumerate(given):
            size += len(value) if type(value) in _TEXT else _ITEM_BYTES
            if type(value) in _CHANGING:
                record.args = (*record.args[:at], _copied(value), *record.args[at + 1 :])
    elif record.args:
        record.args = _copied(record.args)
    fields: dict[str, Any] = getattr(record, "event_fields", _NO_FIELDS)
    for name, value in fields.items():
        size += len(value) if type(value) in _TEXT else _ITEM_BYTES
        if type(value) in _CHANGING:
            fields[name] = _copied(value)
    return size


def _copied(value: Any) -> Any:
    return value.copy() if len(value) <= _MOST_COPIED else value
