"""A service that tells itself what happens, on real servers, with whatever may die in between."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import databases
import psycopg
from forks import Forks
from system import LEFT_OVERS

from quintet.embedded.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TOLD = Path(__file__).resolve().parent / "told"


@contextmanager
def valkey(folder: Path) -> Iterator[Valkey]:
    """A server that may be hurt."""
    broker = Valkey(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@contextmanager
def tellers(scratch: Path, broker_url: str) -> Iterator[Tellers]:
    """A database of their own, a broker, and a process that starts others."""
    folder = scratch / "told"
    folder.mkdir()
    try:
        with databases.database(folder) as database:
            url = database.url()
            forks = Forks(
                program=TOLD / "forks.py",
                folder=TOLD,
                environment=environment(url, broker_url),
                log=folder / "told.log",
            )
            made = Tellers(broker_url=broker_url, url=url, forks=forks)
            made.open()
            try:
                yield made
            finally:
                forks.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True, kw_only=True)
class Tellers:
    """What tells, what carries, and what is told."""

    broker_url: str
    url: str
    forks: Forks

    def open(self) -> None:
        self._manage("migrate", "--run-syncdb", "--verbosity", "0")
        self.forks.open()

    @property
    def broker(self) -> str:
        """What carries: the scheme of its URL."""
        return urlsplit(self.broker_url).scheme

    def tell(self, things: Iterable[str], numbers: Iterable[int]) -> None:
        """Let it happen: each number of each thing, in one transaction."""
        assert self.forks.ask(do="tell", things=[*things], numbers=[*numbers])["code"] == 0

    def pace(self, things: Iterable[str], *, per_second: int, seconds: int) -> list[float]:
        """Let it happen evenly, one thing after another; how many seconds each commit took."""
        wish = {"things": [*things], "per_second": per_second, "seconds": seconds}
        return self.forks.ask(do="pace", **wish)["took"]

    def start(self, work: str, *, dies_at: int = 0) -> int:
        """Start a relay or a consumer, which may die instead of its nth system call."""
        return self.forks.start(work, dies_at=dies_at)

    def ended(self, pid: int) -> int | None:
        """With which code or signal a process has ended, ``None`` while it lives."""
        return self.forks.ended(pid)

    def stop(self, pid: int) -> None:
        """End a process politely."""
        self.forks.stop(pid)

    def asked(self, sql: str) -> list[tuple[Any, ...]]:
        """What the database says."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(sql).fetchall()

    def waiting(self) -> int:
        """How many events nobody has confirmed."""
        ((number,),) = self.asked(
            "SELECT count(*) FROM quintet_events_outboxevent WHERE published_at IS NULL"
        )
        return number

    def entries(self) -> dict[str, list[int]]:
        """What was done about each thing, in the order in which it was done."""
        found: dict[str, list[int]] = {}
        for thing, number in self.asked("SELECT thing, number FROM told_entry ORDER BY id"):
            found.setdefault(thing, []).append(number)
        return found

    def _manage(self, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=TOLD,
            env=self.forks.environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )


def environment(url: str, broker_url: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.endswith(LEFT_OVERS)}
    return {
        **kept,
        "DATABASE_URL": url,
        "BROKER_URL": broker_url,
        "SERVICE_ENVIRONMENT": "test",
        "SECRET_KEY": "a key for tests, and for nothing else",
        "LOG_LEVEL": "CRITICAL",
        "DJANGO_SETTINGS_MODULE": "told.settings",
    }
