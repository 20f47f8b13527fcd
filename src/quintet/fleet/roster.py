"""Starts every process of a run, and lets nothing outlive it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from quintet.fleet import record, watchdog
from quintet.fleet.process import Child

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from quintet.embedded.server import Launch


class Roster:
    """The living processes, by name: in memory, in ``state.json`` and with the watchdog."""

    def __init__(self, file: Path, *, on_line: Callable[[str, str], None]) -> None:
        self._file = file
        self._on_line = on_line
        self._children: dict[str, Child] = {}
        self._farewells: set[asyncio.Task[None]] = set()
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__],
            stdin=subprocess.PIPE,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def spawn(self, name: str, launch: Launch) -> Child:
        """Start a process under a name; its lines go to the logs of that name."""
        child = Child.spawn(launch, lambda line: self._on_line(name, line))
        self._children[name] = child
        self._tell(f"+{child.pid}")
        self._write()
        farewell = asyncio.create_task(self._forget(name, child))
        self._farewells.add(farewell)
        farewell.add_done_callback(self._farewells.discard)
        return child

    def pids(self) -> dict[str, int]:
        """Return the pid of every living process."""
        return {name: child.pid for name, child in self._children.items()}

    def kill(self) -> None:
        """Kill everything now."""
        for child in self._children.values():
            child.signal_group(signal.SIGKILL)

    def close(self) -> None:
        """Say that the run ended as it should, with nothing left."""
        self.kill()
        self._tell("bye")
        if self._watchdog.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._watchdog.stdin.close()
        self._watchdog.wait()
        self._file.unlink(missing_ok=True)

    async def _forget(self, name: str, child: Child) -> None:
        await child.wait()
        if self._children.get(name) is child:
            del self._children[name]
        self._tell(f"-{child.pid}")
        self._write()

    def _tell(self, word: str) -> None:
        if self._watchdog.stdin is not None:
            with contextlib.suppress(BrokenPipeError, ValueError):
                self._watchdog.stdin.write(f"{word}\n")
                self._watchdog.stdin.flush()

    def _write(self) -> None:
        # A full disk costs the list for the next run; the watchdog still has its own.
        with contextlib.suppress(OSError):
            record.write(self._file, processes=self.pids())
