"""A child of the supervisor: its own session, its lines handed on, its whole group ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from quintet.embedded.server import Launch

CHUNK_BYTES = 65_536
LONGEST_LINE_BYTES = 262_144


class Child:
    """One running process and the group that it leads.

    Not asyncio's own: before Python 3.13 that one believes in an end only when every copy of the
    output pipe is closed, and a grandchild keeps one.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], launch: Launch, on_line: Callable[[str], None]
    ) -> None:
        self.pid = process.pid
        self._process = process
        self._stop_signal = launch.stop_signal
        self._lines = _Lines(process, on_line)
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        threading.Thread(target=self._reap, name=f"wait-{self.pid}", daemon=True).start()

    @classmethod
    def spawn(cls, launch: Launch, on_line: Callable[[str], None]) -> Child:
        """Start the program; in the main thread, since Linux ends a child with its thread."""
        process = subprocess.Popen(
            launch.argv,
            cwd=launch.cwd,
            env=dict(launch.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
            preexec_fn=launch.preexec,  # noqa: PLW1509 - only system calls, see quintet.embedded.spawn
        )
        return cls(process, launch, on_line)

    @property
    def running(self) -> bool:
        return not self._ended.done()

    async def wait(self) -> int:
        """Return the exit code when the process has ended."""
        return await asyncio.shield(self._ended)

    async def end(self, *, grace_seconds: float) -> None:
        """Ask the process to end, and kill its group when the grace is over."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, self._stop_signal)
            try:
                await asyncio.wait_for(self.wait(), grace_seconds)
            except TimeoutError:
                self.signal_group(signal.SIGKILL)
        await self.wait()

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the process and to all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _reap(self) -> None:
        """Wait in a thread; the exit status is taken last, so that the pid is ours until then."""
        if hasattr(os, "waitid"):  # macOS before Python 3.13 has none
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        else:
            self._process.wait()
        self.signal_group(signal.SIGKILL)
        code = self._process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._finish, code)

    def _finish(self, code: int) -> None:
        self._lines.close()
        if not self._ended.done():
            self._ended.set_result(code)


class _Lines:
    """Splits what a process prints into lines, without a task of its own."""

    def __init__(self, process: subprocess.Popen[bytes], on_line: Callable[[str], None]) -> None:
        self._stream = process.stdout
        self._on_line = on_line
        self._rest = b""
        self._loop = asyncio.get_running_loop()
        if self._stream is not None:
            os.set_blocking(self._stream.fileno(), False)
            self._loop.add_reader(self._stream.fileno(), self._read)

    def close(self) -> None:
        """Read what is left, and close the pipe."""
        while self._stream is not None and self._read():
            pass
        if self._rest:
            self._hand_on(self._rest)
        self._close()

    def _read(self) -> bool:
        """Hand on the lines that have arrived; return whether there may be more."""
        if self._stream is None:
            return False
        try:
            chunk = os.read(self._stream.fileno(), CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not chunk:
            self._close()
            return False
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LONGEST_LINE_BYTES:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._hand_on(line)
        return True

    def _hand_on(self, line: bytes) -> None:
        self._on_line(line.decode("utf-8", errors="replace").rstrip("\r"))

    def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            self._loop.remove_reader(stream.fileno())
            stream.close()
