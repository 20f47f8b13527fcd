"""The directory where the processes of a service keep their pages, and who may touch it when.

Whoever reads all pages shares the lock of the shelf; whoever moves pages has it alone. It is the
kernel's, so it is free again when its holder has died.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from quintet.errors import UnavailableException
from quintet.telemetry.metrics import archive
from quintet.telemetry.metrics.content import is_marked
from quintet.telemetry.metrics.pages import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_NAME = "shelf.lock"
DEAD = "dead"
WAIT_SECONDS = 2.0
TRY_EVERY_SECONDS = 0.005


class Found(NamedTuple):
    """A page on the shelf: ``counter_17.db``, ``gauge_livesum_17-3f2a.db``, ``counter_dead-a1.db``.

    The last is of no process: it was put away.
    """

    path: Path
    kind: str
    owner: str

    @property
    def pid(self) -> str:
        """The process that writes it, or has written it."""
        return self.owner.partition("-")[0]

    @property
    def is_put_away(self) -> bool:
        """Whether it has a name that no process will ever use."""
        return self.pid == DEAD


class Shelf:
    """One directory of pages."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def pages(self) -> list[Found]:
        """Every page that counts now, in the order of their names."""
        absorbed = self.absorbed()
        named = sorted(self.directory.glob(f"*{SUFFIX}"))
        parts = [(path, path.stem.rpartition("_")) for path in named if path.name not in absorbed]
        return [Found(path, kind, owner) for path, (kind, _, owner) in parts]

    def pids(self) -> set[int]:
        """The processes that have pages of our making here, living or just dead."""
        return {
            int(page.pid) for page in self.pages() if page.pid.isdecimal() and is_marked(page.path)
        }

    def absorbed(self) -> frozenset[str]:
        """The names of pages that have been taken into an archive: they do not count any more."""
        dead = self.directory.glob(f"*_{DEAD}-*{SUFFIX}")
        return frozenset[str]().union(*map(archive.absorbed, dead))

    def free(self, kind: str) -> Path:
        """A name for a page that is put away."""
        return self.directory / f"{kind}_{DEAD}-{secrets.token_hex(8)}{SUFFIX}"

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
