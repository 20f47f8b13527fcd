"""Where the numbers of this process stand: in its memory, or on pages that other processes read.

``PROMETHEUS_MULTIPROC_DIR`` decides once, when this is imported, as it does in
``prometheus_client``. A forked process starts pages of its own with its first number.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from quintet.telemetry.logs import get_logger
from quintet.telemetry.metrics.exemplars import Exemplars, Forgetful
from quintet.telemetry.metrics.pages import FilePage, Numbers

TELLING = "quintet-metrics-lost"
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

LOCK = threading.RLock()
"""Held for every change of a number. Reentrant, since signal handlers and finalisers count too,
and one of them may run while its thread holds the lock."""

log = get_logger("quintet.telemetry")


class Named(Protocol):
    """What has a place in a ledger."""

    kind: str

    def key(self) -> str:
        """Name the number as it is named in a file."""


class Page(Protocol):
    """Some numbers, each followed by the time that it was set at."""

    @property
    def numbers(self) -> Numbers: ...

    @property
    def exemplars(self) -> Exemplars: ...


class Ledger(Protocol):
    """All numbers of a process."""

    def place(self, named: Named) -> tuple[Page, int]:
        """Give ``named`` a place on a page, with 0 at it."""


class MemoryPage:
    """Numbers in memory; exemplars stay with whoever ``prometheus_client`` asks for them."""

    def __init__(self) -> None:
        self.numbers: list[float] = []
        self.exemplars = Forgetful()


class MemoryLedger:
    """The numbers of a process that is alone."""

    def __init__(self) -> None:
        self._page = MemoryPage()

    def place(self, named: Named) -> tuple[Page, int]:  # noqa: ARG002 - the protocol's signature
        """Give each number a place of its own."""
        self._page.numbers += (0.0, 0.0)
        return self._page, len(self._page.numbers) - 2


class FileLedger:
    """The numbers of one process among several: a page for each kind, made with its first number.

    What has no room on the disk is counted in memory, where nobody reads it: a request does not
    fail for want of a number.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._pages: dict[str, FilePage] = {}
        self._lost: MemoryLedger | None = None

    def place(self, named: Named) -> tuple[Page, int]:
        """Find the place that ``named`` has had in this process, or give it the next."""
        try:
            page = self._pages.get(named.kind)
            if page is None:
                page = self._pages[named.kind] = FilePage(self.directory, named.kind)
            return page, page.place(named.key())
        except OSError as error:
            return self._forgotten(error).place(named)

    def close(self) -> None:
        """Let go of the pages."""
        for page in self._pages.values():
            page.close()
        self._pages.clear()

    def _forgotten(self, error: OSError) -> MemoryLedger:
        if self._lost is None:
            self._lost = MemoryLedger()
            # Whoever writes a line to the log has a lock on it, and counts the line: who counts
            # and has a lock on that must not wait for the log.
            telling = threading.Thread(target=self._tell, args=(error,), name=TELLING)
            with suppress(RuntimeError):  # no more threads: then nobody is told
                telling.start()
        return self._lost

    def _tell(self, error: OSError) -> None:
        told = "metrics are lost: nothing can be written"
        log.error(told, directory=str(self.directory), exc_info=error)


class Current:
    """The ledger that this process counts in; ``switch`` may put another one in its place."""

    __slots__ = ("ledger", "own")

    def __init__(self, own: Ledger) -> None:
        self.own = own
        self.ledger = own

    def switch(self, *, on: bool) -> None:
        """Count where it can be read, or in memory, where it cannot when there are files."""
        self.ledger = self.own if on or isinstance(self.own, MemoryLedger) else MemoryLedger()

    def after_fork(self) -> None:
        """Begin anew in a child: what its parent has counted is the parent's."""
        if isinstance(self.own, FileLedger):
            inherited, self.own = self.own, FileLedger(self.own.directory)
            if self.ledger is inherited:
                self.ledger = self.own
            inherited.close()
        LOCK.release()


def directory() -> Path | None:
    """Where the processes of this service keep what they count; none when this one is alone."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


def _ledger() -> Ledger:
    shared = directory()
    return MemoryLedger() if shared is None else FileLedger(shared)


current = Current(_ledger())
os.register_at_fork(
    before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=current.after_fork
)
