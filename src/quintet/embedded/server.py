"""What every embedded server has: a launch, a probe, a URL, and a way to run unsupervised."""

from __future__ import annotations

import signal
import subprocess
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

START_ATTEMPTS = 5
PROBE_INTERVAL_SECONDS = 0.02


class Unavailable(Exception):
    """An embedded server cannot run here; ``remedy`` says what would change that."""

    def __init__(self, reason: str, *, remedy: str) -> None:
        super().__init__(f"{reason} {remedy}")
        self.reason = reason
        self.remedy = remedy


class NotReady(Exception):
    """The server does not answer yet, or what answers is not ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Everything a spawner needs; ``preexec`` runs in the child, just before the program."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    preexec: Callable[[], None]
    stop_signal: signal.Signals


class Server(ABC):
    """A server that lives in one directory.

    A supervisor calls ``prepare``, spawns the launch, and calls ``probe`` until it returns.
    ``start`` and ``stop`` do the same for whoever has no supervisor.
    """

    name: str

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> Launch:
        """Make files, choose a port, and say how to start. Raises ``Unavailable``."""

    @abstractmethod
    def probe(self) -> None:
        """Return when the server answers and proves that it is this one. Raises ``NotReady``."""

    @abstractmethod
    def url(self) -> str:
        """Where the server is reached, with its credentials."""

    @property
    def log_file(self) -> Path:
        """Where ``start`` keeps what the server prints."""
        return self.directory / "server.log"

    def start(self, *, timeout_seconds: float = 30) -> None:
        """Start and wait until ready; a port lost between choice and start is replaced by another.

        Call it in the main thread: Linux ends the server together with the thread that started it.
        """
        deadline = time.monotonic() + timeout_seconds
        for _ in range(START_ATTEMPTS):
            self.process = self._spawn(self.prepare())
            if self._became_ready(deadline):
                return
            self.stop()
        raise Unavailable(
            f"{self.name} did not become ready. Its last words: {self._last_words()!r}.",
            remedy=f"Read {self.log_file}.",
        )

    def stop(self, *, timeout_seconds: float = 10) -> None:
        """Stop politely, then not."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(self.stop_signal)
        try:
            process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    stop_signal: signal.Signals = signal.SIGTERM

    def _spawn(self, launch: Launch) -> subprocess.Popen[bytes]:
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                launch.argv,
                env=dict(launch.env),
                cwd=launch.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=launch.preexec,  # noqa: PLW1509 - only system calls, see spawn.py
            )

    def _became_ready(self, deadline: float) -> bool:
        while self.process is not None and self.process.poll() is None:
            try:
                self.probe()
            except NotReady:
                if time.monotonic() > deadline:
                    return False
                time.sleep(PROBE_INTERVAL_SECONDS)
            else:
                return True
        return False

    def _last_words(self) -> str:
        lines = self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        return " | ".join(lines[-3:])


def same_directory(served: str, ours: Path) -> bool:
    """Whether both names lead to one directory, through links and all."""
    try:
        return Path(served).samefile(ours)
    except OSError:
        return False
