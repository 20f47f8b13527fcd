"""Every line of every process: on disk with a bound, and live to whoever follows."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMIT_BYTES = 10 * 1024 * 1024
QUEUE_LINES = 10_000


class LogFile:
    """One file that keeps at most twice its limit: itself and ``<name>.log.1`` before it."""

    def __init__(self, path: Path, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self.path = path
        self._limit = limit_bytes
        self._stream: BinaryIO | None = None
        self._size = 0

    def write(self, line: str) -> None:
        """Add one line; nobody reading the file sees half of it."""
        data = line.encode("utf-8", errors="replace") + b"\n"
        if self._stream is not None and self._size + len(data) > self._limit:
            self._rotate()
        stream = self._open()
        stream.write(data)
        self._size += len(data)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _open(self) -> BinaryIO:
        if self._stream is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self.path.open("ab", buffering=0)
            self._size = self._stream.tell()
        return self._stream

    def _rotate(self) -> None:
        self.close()
        self.path.replace(self.path.with_name(f"{self.path.name}.1"))


class LogBook:
    """The logs of a run: writes each line to its file and to everybody who follows."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._files: dict[str, LogFile] = {}
        self._followers: set[asyncio.Queue[tuple[str, str]]] = set()

    def add(self, name: str, line: str) -> None:
        """Keep a line of the process; a follower that does not keep up loses the oldest ones.

        A full disk loses the line as well, and never the process that wrote it.
        """
        if name not in self._files:
            self._files[name] = LogFile(self.directory / f"{name}.log")
        with contextlib.suppress(OSError):
            self._files[name].write(line)
        for queue in self._followers:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait((name, line))

    @contextmanager
    def follow(self) -> Iterator[asyncio.Queue[tuple[str, str]]]:
        """Give a queue that receives every line from now on."""
        queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue(QUEUE_LINES)
        self._followers.add(queue)
        try:
            yield queue
        finally:
            self._followers.discard(queue)

    def close(self) -> None:
        for file in self._files.values():
            file.close()


def names(directory: Path) -> list[str]:
    """Return whose logs are in the directory."""
    return sorted(path.stem for path in directory.glob("*.log"))


def tail(directory: Path, name: str, *, lines: int) -> list[str]:
    """Return the last lines of a log, reaching into the file before it when that is needed."""
    last: deque[str] = deque(maxlen=lines)
    for path in (directory / f"{name}.log.1", directory / f"{name}.log"):
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace") as stream:
                last.extend(line.rstrip("\n") for line in stream)
    return list(last)
