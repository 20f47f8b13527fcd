"""A PostgreSQL of our own, and what can happen to it."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from quintet.embedded.postgres import Postgres

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator

ROLE = "keeper"
SMALL_MEGABYTES = 110
_BALLAST = "ballast"
_OURS = f"FROM pg_stat_activity WHERE usename LIKE '{ROLE}%'"
_COUNT, _TERMINATE = f"SELECT count(*) {_OURS}", f"SELECT pg_terminate_backend(pid) {_OURS}"


@contextmanager
def database(folder: Path) -> Iterator[Database]:
    """Run a server in a folder, and end it whatever has been done to it."""
    made = Database(server=Postgres(folder / "postgres", durable=False), folder=folder)
    try:
        made.server.start()
        yield made
    finally:
        made.server.stop()


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of so many megabytes in memory; only root can mount one."""
    place = folder / "small"
    place.mkdir()
    size = f"size={SMALL_MEGABYTES}m,mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
    assert str(place) not in Path("/proc/mounts").read_text(encoding="utf-8")


@dataclass(slots=True, kw_only=True)
class Database:
    """A server, and the database in it that the services under test are given."""

    server: Postgres
    folder: Path

    def url(self) -> str:
        """A new, empty database, owned by a role that is no superuser."""
        name = f"{ROLE}_{secrets.token_hex(4)}"
        return self.server.create_service(name, secrets.token_urlsafe(12))

    def tell(self, sql: str) -> list[tuple[Any, ...]]:
        """Say something as the operator."""
        with self.server.connect() as connection:
            done = connection.execute(sql)
            return done.fetchall() if done.description else []

    def processes(self) -> list[psutil.Process]:
        """The server and everything that it has started."""
        process = psutil.Process(self.server.process.pid)
        return [process, *process.children(recursive=True)]

    def stop(self, how: signal.Signals) -> None:
        """End the server: politely, at once, or by killing it."""
        process = self.server.process
        process.send_signal(how)
        process.wait(20)

    def start(self) -> float:
        """Start it again, and return the instant at which it answered."""
        self.server.start()
        return time.monotonic()

    @contextmanager
    def down(self, how: signal.Signals, *, seconds: float) -> Iterator[None]:
        """Be away during the block and for so many seconds at least."""
        self.stop(how)
        ends_at = time.monotonic() + seconds
        yield
        time.sleep(max(0.0, ends_at - time.monotonic()))

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Run nothing: the kernel goes on to accept connections and what is sent on them."""
        stopped = self.processes()
        for process in stopped:
            process.suspend()
        try:
            yield
        finally:
            for process in stopped:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave no byte on the disk; only in a file system of its own."""
        ballast = self.folder / _BALLAST
        with ballast.open("wb") as file, suppress(OSError):
            while True:
                file.write(b"\0" * 65536)
        try:
            yield
        finally:
            ballast.unlink()

    def kill_sockets(self) -> int:
        """End every connection of the services from outside, and say how many there were."""
        found = self.tell(_COUNT)
        port = self.server.url().rpartition(":")[2].partition("/")[0]
        if os.geteuid() == 0 and shutil.which("ss"):
            ended = ("ss", "-K", "state", "established", "dst", "127.0.0.1", "dport", "=", port)
            subprocess.run(ended, stdout=subprocess.DEVNULL, check=True)
        else:
            self.tell(_TERMINATE)
        return int(found[0][0])
