"""Valkey in a directory: loopback only, a random password, an append-only file."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING

from quintet.embedded import binaries, ports, spawn
from quintet.embedded.server import Launch, NotReady, Server, same_directory

if TYPE_CHECKING:
    from pathlib import Path

PROBE_TIMEOUT_SECONDS = 2
DATABASES = 128


class Valkey(Server):
    """One Valkey server; ``durable=False`` keeps nothing on disk, for tests."""

    name = "valkey"

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        super().__init__(directory.absolute())
        self.durable = durable

    def prepare(self) -> Launch:
        program = binaries.valkey()
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._write_configuration(ports.remembered(self.directory))
        return Launch(
            argv=(str(program.path), "valkey.conf"),
            env=dict(os.environ),
            cwd=self.directory,
            preexec=spawn.ends_with_parent(signal.SIGTERM),
            stop_signal=self.stop_signal,
        )

    def probe(self) -> None:
        port = ports.recorded(self.directory) or 0
        try:
            served = _working_directory(port, self._password())
        except (OSError, ValueError) as error:
            raise NotReady(f"valkey: {error}") from error
        if not same_directory(served, self.directory):
            raise NotReady(f"valkey: the server on this port serves {served}, not {self.directory}")

    def url(self, database: int = 0) -> str:
        """A URL of the numbered ``database``."""
        port = ports.recorded(self.directory)
        return f"redis://:{self._password()}@{ports.LOOPBACK}:{port}/{database}"

    def _password(self) -> str:
        return ports.secret(self.directory / "password")

    def _write_configuration(self, port: int) -> None:
        """In a file, since arguments are shown to everybody who lists processes."""
        lines = (
            f"bind {ports.LOOPBACK}",
            f"port {port}",
            f"requirepass {self._password()}",
            f"databases {DATABASES}",
            'save ""',
            f"appendonly {'yes' if self.durable else 'no'}",
            "maxmemory 256mb",
            "maxmemory-policy volatile-lru",
            "daemonize no",
        )
        file = self.directory / "valkey.conf"
        file.touch(mode=0o600)
        file.write_text("\n".join([*lines, ""]), encoding="ascii")


def _working_directory(port: int, password: str) -> str:
    """Ask the server where it keeps its files, in its own protocol: no library is needed."""
    commands = f"AUTH {password}\r\nCONFIG GET dir\r\n".encode("ascii")
    address = (ports.LOOPBACK, port)
    with socket.create_connection(address, timeout=PROBE_TIMEOUT_SECONDS) as connection:
        connection.sendall(commands)
        lines = connection.makefile("rb")
        _expect(lines.readline(), b"+OK")
        _expect(lines.readline(), b"*2")
        _expect(lines.readline(), b"$3")
        _expect(lines.readline(), b"dir")
        size = lines.readline()
        return os.fsdecode(lines.read(int(size.removeprefix(b"$") or b"0")))


def _expect(line: bytes, wanted: bytes) -> None:
    if line.strip() != wanted:
        raise ValueError(f"unexpected answer {line[:80]!r}")
