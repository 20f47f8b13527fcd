"""Levels of loggers that change while a service runs, in all its processes, and go back.

Somebody who looks for a mistake switches debug lines on, finds it, and goes home. So a change ends
by itself. It is written to a file in the folder that the processes share, where each looks whether
there is something new: a signal or a socket would reach only those that listen at that moment.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson

from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
ROOT = "root"
GROUPS: Mapping[str, tuple[str, ...]] = {
    "clients": ("quintet.clients", "urllib3"),
    "sql": ("quintet.database", "django.db.backends"),
    "web": ("quintet.access", "quintet.flights", "quintet.errors", "django.request"),
}
"""Loggers that are turned together, by the name of what they tell about."""

DEFAULT_SECONDS, MOST_SECONDS = 600.0, 3_600.0
MOST_CHANGES = 50
LOOK_SECONDS = 1.0
"""How often a process looks for what another one has changed."""

FILE, LOCK = "levels.json", "levels.lock"

log = get_logger("quintet.telemetry")


class Unknown(LookupError):
    """No logger and no group has this name."""


class TooMany(ValueError):
    """So many levels are changed already that this cannot be meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A level until an instant of the monotonic clock, which all processes of a machine share."""

    name: str
    level: str
    until: float

    def loggers(self) -> tuple[str, ...]:
        """The loggers that it turns."""
        return GROUPS.get(self.name, (self.name,))


class Levels:
    """The levels that somebody has changed, in this process and in all that share its folder."""

    def __init__(self, folder: Path | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._changes: tuple[Change, ...] = ()
        self._seen: tuple[int, int] | None = None
        self._before: dict[str, int] = {}

    def change(self, name: str, level: str, *, seconds: float = DEFAULT_SECONDS) -> None:
        """Turn a logger or a group; it goes back after ``seconds``, an hour at the most.

        Raises:
            Unknown: There is no such logger here.
            TooMany: There are too many changes already.
        """
        if level not in LEVELS:
            raise ValueError(f"{level!r} is no level; there are {', '.join(LEVELS)}.")
        if not is_known(name):
            raise Unknown(f"There is no logger and no group called {name!r}.")
        until = self._clock() + min(seconds, MOST_SECONDS)
        self._replace(name, Change(name=name, level=level, until=until))

    def restore(self, name: str) -> None:
        """Let the logger or group go back now."""
        self._replace(name, None)

    def changes(self) -> dict[str, tuple[str, float]]:
        """The changed names, each with its level and the seconds that are left."""
        now = self._clock()
        live = (change for change in self._changes if change.until > now)
        return {change.name: (change.level, change.until - now) for change in live}

    def follow(self) -> None:
        """See what other processes have changed, and let go back what is over."""
        if self._folder is not None and (stamp := _stamp(self._folder / FILE)) != self._seen:
            self._seen, self._changes = stamp, self._read()
        if any(change.until <= self._clock() for change in self._changes):
            self._end_those_that_are_over()
        self._apply()

    def _replace(self, name: str, change: Change | None) -> None:
        with self._exclusively():
            kept = [each for each in self._read() if each.name != name]
            if change is not None:
                kept.append(change)
            if len(kept) > MOST_CHANGES:
                raise TooMany(f"{MOST_CHANGES} levels are changed already.")
            self._write(kept)
        self._apply()

    def _end_those_that_are_over(self) -> None:
        """One process says so: the others find them gone."""
        with self._exclusively():
            changes, now = self._read(), self._clock()
            live = [change for change in changes if change.until > now]
            self._changes = tuple(live)
            if len(live) < len(changes):
                self._write(live)
        for change in set(changes) - set(live):
            log.warning("log level went back", changed=change.name, was=change.level)

    def _apply(self) -> None:
        now = self._clock()
        live = [change for change in self._changes if change.until > now]
        wanted = {name: change.level for change in live for name in change.loggers()}
        for name in self._before.keys() - wanted.keys():
            logger_of(name).setLevel(self._before.pop(name))
        for name, level in wanted.items():
            logger = logger_of(name)
            self._before.setdefault(name, logger.level)
            if logging.getLevelName(logger.level) != level:
                logger.setLevel(level)

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        if self._folder is None:
            yield
            return
        file = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)

    def _read(self) -> tuple[Change, ...]:
        if self._folder is None:
            return self._changes
        try:
            rows = orjson.loads((self._folder / FILE).read_bytes())
            return tuple(Change(**row) for row in rows)
        except (OSError, ValueError, TypeError):
            return ()

    def _write(self, changes: Sequence[Change]) -> None:
        self._changes = tuple(changes)
        if self._folder is None:
            return
        written = self._folder / f"{FILE}.{os.getpid()}"
        written.write_bytes(orjson.dumps([asdict(change) for change in changes]))
        written.replace(self._folder / FILE)
        self._seen = _stamp(self._folder / FILE)


def logger_of(name: str) -> logging.Logger:
    """The logger of this name; ``root`` is the one above all others."""
    return logging.getLogger() if name == ROOT else logging.getLogger(name)


def is_known(name: str) -> bool:
    """Whether there is a group, a logger, or a logger below this name."""
    made: dict[str, Any] = logging.root.manager.loggerDict
    return name == ROOT or name in GROUPS or name in made


def _stamp(file: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        found = file.stat()
        return found.st_ino, found.st_mtime_ns
    return None


class _Current:
    """The levels of this process."""

    levels = Levels(None)


def share(folder: Path | None) -> None:
    """Share changes with all processes that are given the same folder."""
    _Current.levels = Levels(folder)


def current() -> Levels:
    """The levels of this process."""
    return _Current.levels


def follow() -> None:
    """Do what this process has to do about changes every now and then."""
    _Current.levels.follow()
