"""Processes that may die instead of their nth system call: the outer half of `forking`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from system import until

if TYPE_CHECKING:
    from collections.abc import Mapping

SENDS = "sendto"
"""What every step begins with: a statement, a request, or a command to the broker."""
PATIENCE_SECONDS = 30


@dataclass(slots=True, kw_only=True)
class Forks:
    """A program that starts others, and all that it has started."""

    program: Path
    folder: Path
    environment: Mapping[str, str]
    log: Path
    process: Any = None
    started: list[int] = field(default_factory=list)
    watchers: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def open(self) -> None:
        inner = str(Path(__file__).parent)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(self.program)],
                cwd=self.folder,
                env={**self.environment, "PYTHONPATH": f"{self.folder}{os.pathsep}{inner}"},
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
        self.process.kill()
        self.process.communicate()
        for watcher in self.watchers.values():
            watcher.wait(PATIENCE_SECONDS)

    def ask(self, **wish: Any) -> Any:
        """Have a deed done, and return its answer."""
        self.process.stdin.write(json.dumps(wish) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, self.log.read_text()[-2000:]
        return json.loads(answer)

    def start(self, work: str, *, dies_at: int = 0, **given: Any) -> int:
        """Start a work, which may die instead of its nth system call."""
        pid: int = self.ask(do="start", work=work, **given)["pid"]
        self.started.append(pid)
        if dies_at:
            self.watchers[pid] = _watcher(pid, dies_at)
        self.ask(do="begin", pid=pid)
        return pid

    def ended(self, pid: int) -> int | None:
        """With which code or signal a process has ended, ``None`` while it lives."""
        code: int | None = self.ask(do="poll", pid=pid)["code"]
        if code is not None:
            self.started.remove(pid)
            if pid in self.watchers:
                self.watchers.pop(pid).wait(PATIENCE_SECONDS)
        return code

    def end_of(self, pid: int) -> int:
        """Wait for the end of a process, and return how it ended."""
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while (code := self.ended(pid)) is None:
            assert time.monotonic() < ends_at, f"still running after {PATIENCE_SECONDS} seconds"
            time.sleep(0.02)
        return code

    def stop(self, pid: int) -> None:
        """End a process politely."""
        os.kill(pid, signal.SIGTERM)
        self.end_of(pid)

    def kill(self, pid: int) -> None:
        """End a process at once."""
        os.kill(pid, signal.SIGKILL)
        self.end_of(pid)


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
