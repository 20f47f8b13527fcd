"""A service that tells itself what happens, on real servers, with whatever may die in between."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import databases
import psycopg
from system import LEFT_OVERS, until

from quintet.embedded.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TOLD = Path(__file__).resolve().parent / "told"
SENDS = "sendto"
"""What every step of a relay or a consumer begins with: a statement, or a command to the broker."""
PATIENCE_SECONDS = 30


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
            made = Tellers(broker_url=broker_url, url=database.url(), log=folder / "told.log")
            made.open()
            try:
                yield made
            finally:
                made.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True, kw_only=True)
class Tellers:
    """What tells, what carries, and what is told."""

    broker_url: str
    url: str
    log: Path
    forks: Any = None
    started: list[int] = field(default_factory=list)
    watchers: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def open(self) -> None:
        self._manage("migrate", "--run-syncdb", "--verbosity", "0")
        with self.log.open("ab") as log:
            self.forks = subprocess.Popen(
                [sys.executable, str(TOLD / "forks.py")],
                cwd=TOLD,
                env=self.environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def close(self) -> None:
        for pid in self.started:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGKILL)
        self.forks.kill()
        self.forks.communicate()
        for watcher in self.watchers.values():
            watcher.wait(PATIENCE_SECONDS)

    @property
    def broker(self) -> str:
        """What carries: the scheme of its URL."""
        return urlsplit(self.broker_url).scheme

    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.endswith(LEFT_OVERS)}
        return {
            **kept,
            "DATABASE_URL": self.url,
            "BROKER_URL": self.broker_url,
            "SERVICE_ENVIRONMENT": "test",
            "SECRET_KEY": "a key for tests, and for nothing else",
            "LOG_LEVEL": "CRITICAL",
            "DJANGO_SETTINGS_MODULE": "told.settings",
            "PYTHONPATH": str(TOLD),
        }

    def tell(self, things: Iterable[str], numbers: Iterable[int]) -> None:
        """Let it happen: each number of each thing, in one transaction."""
        assert self._ask(do="tell", things=[*things], numbers=[*numbers])["code"] == 0

    def pace(self, things: Iterable[str], *, per_second: int, seconds: int) -> list[float]:
        """Let it happen evenly, one thing after another; how many seconds each commit took."""
        wish = {"things": [*things], "per_second": per_second, "seconds": seconds}
        return self._ask(do="pace", **wish)["took"]

    def start(self, work: str, *, dies_at: int = 0) -> int:
        """Start a relay or a consumer, which may die instead of its nth system call."""
        pid = self._ask(do="start", work=work)["pid"]
        self.started.append(pid)
        if dies_at:
            self.watchers[pid] = _watcher(pid, dies_at)
        self._ask(do="begin", pid=pid)
        return pid

    def ended(self, pid: int) -> int | None:
        """With which code or signal a process has ended, ``None`` while it lives."""
        code = self._ask(do="poll", pid=pid)["code"]
        if code is not None:
            self.started.remove(pid)
            if pid in self.watchers:
                self.watchers.pop(pid).wait(PATIENCE_SECONDS)
        return code

    def stop(self, pid: int) -> None:
        """End a process politely."""
        os.kill(pid, signal.SIGTERM)
        assert until(lambda: self.ended(pid) is not None, seconds=PATIENCE_SECONDS)

    def kill(self, pid: int) -> None:
        """End a process at once."""
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.ended(pid) is not None, seconds=PATIENCE_SECONDS)

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

    def _ask(self, **wish: Any) -> Any:
        self.forks.stdin.write(json.dumps(wish) + "\n")
        self.forks.stdin.flush()
        answer = self.forks.stdout.readline()
        assert answer, self.log.read_text()[-2000:]
        return json.loads(answer)

    def _manage(self, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=TOLD,
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            check=True,
        )


def _watcher(pid: int, dies_at: int) -> subprocess.Popen[bytes]:
    """Kill a process instead of its nth call, counted in each of its threads."""
    watcher = subprocess.Popen(
        [
            *("strace", "-f", "-qq", "-o", "/dev/null", "-p", str(pid)),
            *("-e", f"trace={SENDS}", "-e", f"inject={SENDS}:signal=SIGKILL:when={dies_at}"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    status = Path(f"/proc/{pid}/status")
    until(lambda: "TracerPid:\t0\n" not in status.read_text(), seconds=PATIENCE_SECONDS)
    return watcher
