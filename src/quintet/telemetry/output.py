"""Lines on their way out: one system call each, and never a wait for whoever reads them.

A pipe that nobody reads is full after 64 KiB, and a write to it then waits for as long as that
lasts: a log that is not collected would hang every request. Here a line that does not fit is kept,
in its order and within bounds, and sent by a thread that lives only as long as something waits.
What does not fit there either is dropped, counted, and reported in its place.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from quintet.telemetry.levels import counters
from quintet.telemetry.sinks import sink_of

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_BYTES = 4 * 1024 * 1024
"""What is kept for a reader that pauses: some seconds of a busy process."""
FLUSH_SECONDS = 2.0
_RETRY_SECONDS = 0.05


class Output:
    """A stream by its name, ``stdout`` of ``sys``: whatever that is at the moment of each line."""

    def __init__(self, name: str, *, of: object = sys, most_bytes: int = MOST_BYTES) -> None:
        self.lost = 0
        """Lines that were dropped or could not be written, since this process began."""
        self.notice: Callable[[int], bytes] = _no_notice
        """Renders the line that stands where so many others are missing."""
        self._of, self._name = of, name
        self._most_bytes = most_bytes
        self.forget()

    def forget(self) -> None:
        """Begin afresh: a forked child has no thread that sends, and what waits is its parent's."""
        self._lock = threading.RLock()  # a signal handler may log while a line is on its way
        self._emptied = threading.Condition(self._lock)
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._missing = 0
        self._thread: threading.Thread | None = None
        self._stream: object = None
        self._sink = sink_of(None)

    def write(self, line: bytes) -> None:
        """Send ``line``, which brings its end, or keep it; raise what is wrong with the stream."""
        with self._lock:
            stream = getattr(self._of, self._name)
            if stream is not self._stream:
                self._sink, self._stream = sink_of(stream), stream
            if self._waiting:
                self._keep(line)
                return
            try:
                sent = self._sink.send(line)
            except BlockingIOError:
                sent = 0
            if sent < len(line):
                self._keep(line[sent:], begun=sent > 0)

    def flush(self, timeout_seconds: float = FLUSH_SECONDS) -> bool:
        """Wait until nothing waits any more, but no longer; return whether all of it is out."""
        ends_at = time.monotonic() + timeout_seconds
        with self._lock:
            while self._waiting and (left := ends_at - time.monotonic()) > 0:
                self._send_later()
                self._emptied.wait(min(left, _RETRY_SECONDS))
            return not self._waiting

    def _keep(self, line: bytes, *, begun: bool = False) -> None:
        """Put the line behind the others; once one was dropped, none until there is room.

        Half a line would be no JSON: what was begun is kept, however long it is.
        """
        if begun or not (self._missing or self._bytes + len(line) > self._most_bytes):
            self._waiting.append(line)
            self._bytes += len(line)
        else:
            self._missing += 1
            self.lost += 1
        self._send_later()

    def _send_later(self) -> None:
        if self._thread is not None:
            return
        self._thread = threading.Thread(target=self._drain, name="quintet-output", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no more threads, or the interpreter is about to end
            self._thread = None
            self._send_now()

    def _send_now(self) -> None:
        with suppress(BlockingIOError):
            while self._waiting:
                self._advance(self._attempt(self._sink.send, self._waiting[0]))

    def _drain(self) -> None:
        """Send without the lock, so that nobody waits for it; nobody else sends meanwhile."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    self._emptied.notify_all()
                    return
                sink, line = self._sink, self._waiting[0]
            sent = self._attempt(sink.send_patiently, line)
            with self._lock:
                self._advance(sent)

    def _attempt(self, send: Callable[[bytes], int], line: bytes) -> int:
        try:
            return send(line)
        except BlockingIOError:
            raise
        except Exception:  # noqa: BLE001 - whatever is wrong with the stream, the rest gets its turn
            self.lost += 1
            return len(line)

    def _advance(self, sent: int) -> None:
        rest = self._waiting.popleft()[sent:]
        self._bytes -= sent
        if rest:
            self._waiting.appendleft(rest)
        if self._missing and self._bytes <= self._most_bytes // 2:
            missing, self._missing = self._missing, 0
            with suppress(Exception):  # a formatter is somebody else's code
                self._waiting.append(self.notice(missing))
                self._bytes += len(self._waiting[-1])


class StandardOutput(logging.Handler):
    """Writes each line to standard output as UTF-8, and never holds up whoever logs."""

    def __init__(self) -> None:
        super().__init__()
        _stdout.notice = self._missing_lines

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one line over."""
        try:
            _stdout.write(f"{self.format(record)}\n".encode())
            counters[record.levelname](1.0)
        except Exception as error:  # noqa: BLE001 - a full disk or a closed pipe must not fail a request
            _report(f"a log line of {record.name}", error)

    def flush(self) -> None:
        """Give a slow reader a moment; ``logging`` asks for it when the process ends."""
        _stdout.flush()

    def _missing_lines(self, lines: int) -> bytes:
        told = "log lines were dropped, because nobody read the standard output"
        record = logging.LogRecord("quintet.telemetry", logging.WARNING, "", 0, told, (), None)
        record.event_fields = {"lines": lines}
        return f"{self.format(record)}\n".encode()


def write(line: bytes) -> None:
    """Write one rendered line, its end included; raises nothing, and waits for nobody."""
    try:
        _stdout.write(line)
    except Exception as error:  # noqa: BLE001 - as in ``StandardOutput.emit``
        _report("a log line", error)


def flush(timeout_seconds: float = FLUSH_SECONDS) -> bool:
    """Wait for a reader that is behind, for a while; return whether everything is written."""
    return _stdout.flush(timeout_seconds)


def lost() -> int:
    """How many lines this process has dropped, or could not write."""
    return _stdout.lost


def _report(what: str, error: Exception) -> None:
    """Say on standard error that a line is lost, and nothing of what was in it."""
    _stdout.lost += 1
    with suppress(Exception):  # standard error may be gone as well
        _stderr.write(f"{what} is lost: {type(error).__name__}\n".encode())


def _no_notice(_: int) -> bytes:
    return b""


def _forget() -> None:
    for output in (_stdout, _stderr):
        output.forget()
        output.lost = 0


_stdout, _stderr = Output("stdout"), Output("stderr")
os.register_at_fork(after_in_child=_forget)
