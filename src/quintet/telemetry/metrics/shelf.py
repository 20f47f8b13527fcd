"""The directory where the processes of a service keep their pages, and who may touch it when.

Whoever reads all pages shares the lock of the shelf; whoever moves pages has it alone. It is the
kernel's, so it is free again when its holder has died.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from quintet.errors import UnavailableException
from quintet.telemetry.metrics.pages import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_NAME = "shelf.lock"
DEAD = "dead"
WAIT_SECONDS = 2.0
TRY_EVERY_SECONDS = 0.005


class Found(NamedTuple):
    """A page on the shelf: ``counter_17.db``, ``gauge_livesum_17-3f2a.db``, ``counter_dead.db``."""

    path: Path
    kind: str
    owner: str

    @property
    def pid(self) -> str:
        """The process that writes it, or has written it."""
        return self.owner.partition("-")[0]


class Shelf:
    """One directory of pages."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def pages(self) -> list[Found]:
        """Every page that is there now, in the order of their names."""
        named = sorted(self.directory.glob(f"*{SUFFIX}"))
        parts = [(path, path.stem.rpartition("_")) for path in named]
        return [Found(path, kind, owner) for path, (kind, _, owner) in parts]

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep every page in its place, for as long as others only read."""
        with self._open() as file:
            ends_at = time.monotonic() + WAIT_SECONDS
            while not _locked(file, fcntl.LOCK_SH):
                if time.monotonic() > ends_at:
                    raise UnavailableException("The metrics are being moved; ask again.")
                time.sleep(TRY_EVERY_SECONDS)
            yield

    @contextmanager
    def moving(self) -> Iterator[bool]:
        """Have the shelf alone, unless somebody has it: then nothing is to be moved now."""
        with self._open() as file:
            yield _locked(file, fcntl.LOCK_EX)

    @contextmanager
    def _open(self) -> Iterator[int]:
        try:
            file = os.open(self.directory / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise UnavailableException("The metrics of this service cannot be read.") from error
        try:
            yield file
        finally:
            os.close(file)


def _locked(file: int, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
