"""A child process of the supervisor: its own session, its lines handed on, its whole group gone in the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quintet.embedded.server import Launch

CHUNK_BYTES = 65_536
LONGEST_LINE_BYTES = 262_144


class Child:
    """One running process and the group that it leads."""

    def __init__(self, process: asyncio.subprocess.Process, launch: Launch) -> None:
        self.pid = process.pid
        self._process = process
        self._stop_signal = launch.stop_signal
        self._reader: asyncio.Task[None] | None = None

    @classmethod
    async def spawn(cls, launch: Launch, on_line: Callable[[str], None]) -> Child:
        """Start the program. Call it in the main thread: Linux ends the child together with its thread."""
        process = await asyncio.create_subprocess_exec(
            *launch.argv,
            cwd=launch.cwd,
            env=dict(launch.env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=launch.preexec,
        )
        child = cls(process, launch)
        if process.stdout is not None:
            child._reader = asyncio.create_task(_hand_on(process.stdout, on_line))
        return child

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def wait(self) -> int:
        """Return the exit code when the process has ended; what is left of its group is killed."""
        code = await self._process.wait()
        reader, self._reader = self._reader, None
        if reader is not None:
            self.signal_group(signal.SIGKILL)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader, 1)
        return code

    async def end(self, *, grace_seconds: float) -> None:
        """Ask the process to end, and kill its group when the grace is over."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(self._stop_signal)
            try:
                await asyncio.wait_for(self._process.wait(), grace_seconds)
            except TimeoutError:
                self.signal_group(signal.SIGKILL)
        await self.wait()

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the process and to all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


async def _hand_on(stream: asyncio.StreamReader, on_line: Callable[[str], None]) -> None:
    rest = b""
    while chunk := await stream.read(CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > LONGEST_LINE_BYTES:
            lines, rest = [*lines, rest], b""
        for line in lines:
            on_line(line.decode("utf-8", errors="replace").rstrip("\r"))
    if rest:
        on_line(rest.decode("utf-8", errors="replace"))
