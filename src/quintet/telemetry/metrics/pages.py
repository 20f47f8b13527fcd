"""One file of numbers that other processes may read while this one writes.

The format is that of ``prometheus_client``: how many bytes are used, then for each number a key in
JSON, the number itself and the time it was set, aligned to eight bytes. So its own readers can read
our files, and ours reads theirs. Two things are ours: a mark in the four bytes that the format
leaves free, and a lock that the writer holds for as long as it lives. The kernel lets go of the
lock however a process ends, and knows nothing of process ids that are used again.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import secrets
import struct
from typing import TYPE_CHECKING, Protocol

from quintet.telemetry.metrics.exemplars import ExemplarFile, Exemplars, Forgetful
from quintet.telemetry.metrics.space import reserve

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".db"
UNFINISHED = ".new"
MARK = b"Q"
HEAD_BYTES = 8
NUMBER_BYTES = 8
FIRST_BYTES = 1 << 16

_HEAD = struct.Struct("=i4s")
_LENGTH = struct.Struct("=i")
_NUMBERS = struct.Struct("=dd")


class Numbers(Protocol):
    """Something that holds numbers by their place."""

    def __getitem__(self, place: int, /) -> float: ...

    def __setitem__(self, place: int, number: float, /) -> None: ...


def entry(key: bytes, value: float = 0.0, timestamp: float = 0.0) -> bytes:
    """One number as it stands in a file; its value are the last but one eight bytes."""
    padding = b" " * (HEAD_BYTES - (len(key) + _LENGTH.size) % HEAD_BYTES)
    return _LENGTH.pack(len(key)) + key + padding + _NUMBERS.pack(value, timestamp)


def head(used: int) -> bytes:
    """The first bytes of a file of which ``used`` bytes are written; no two files share a mark."""
    return _HEAD.pack(used, MARK + os.urandom(3))


class Mapped:
    """A file as memory: its bytes, the numbers in it, and the count of used bytes at its head."""

    __slots__ = ("bytes", "head", "numbers", "size")

    def __init__(self, file: int, size: int) -> None:
        reserve(file, size)
        self.bytes = mmap.mmap(file, size)
        self.head = memoryview(self.bytes).cast("i")
        self.numbers = memoryview(self.bytes).cast("d")
        self.size = size

    def close(self) -> None:
        """Let go of the file, of which the memory is a part."""
        self.head.release()
        self.numbers.release()
        self.bytes.close()


class FilePage:
    """The numbers of one kind that this process has counted.

    ``numbers`` is another object after each ``place``, since a file that grows is mapped again.
    """

    numbers: Numbers

    def __init__(self, directory: Path, kind: str) -> None:
        self._places: dict[str, int] = {}
        self._used = HEAD_BYTES
        self._file, self.path = _locked_file(directory, kind)
        self._mapped = Mapped(self._file, FIRST_BYTES)
        self._exemplars: Exemplars | None = None
        self.numbers = self._mapped.numbers

    def place(self, key: str) -> int:
        """Give ``key`` a place, with 0 at it, or find the one that it has."""
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = self._written(entry(key.encode()))
        return place

    def _written(self, number: bytes) -> int:
        """Write an entry at the end, and then, for who reads, that it is there.

        A finaliser may run after any call, and place a number as well; so there is no call between
        the look at the end and its move.
        """
        size = len(number)
        while self._used + size > self._mapped.size:
            self._grow(self._mapped.size * 2)
        start = self._used
        self._mapped.bytes[start : start + size] = number
        self._used = self._mapped.head[0] = start + size
        return (start + size) // NUMBER_BYTES - 2

    def _grow(self, size: int) -> None:
        mapped = Mapped(self._file, size)
        if size > self._mapped.size:  # and not done by a finaliser in the meantime
            mapped, self._mapped = self._mapped, mapped
            self.numbers = self._mapped.numbers
        mapped.close()

    @property
    def exemplars(self) -> Exemplars:
        """The file beside this one, which is made for the first exemplar."""
        if self._exemplars is None:
            try:
                self._exemplars = ExemplarFile.beside(self.path)
            except OSError:
                self._exemplars = Forgetful()
        return self._exemplars

    def close(self) -> None:
        """Let go of the file, and with that of its lock unless another process shares it."""
        self.numbers = ()  # type: ignore[assignment]  # nobody may write to it any more
        self._mapped.close()
        os.close(self._file)
        if self._exemplars is not None:
            self._exemplars.close()


def _locked_file(directory: Path, kind: str) -> tuple[int, Path]:
    """Make a file that no other process has, and that is locked before anybody can see it."""
    name = f"{kind}_{os.getpid()}"
    unfinished = directory / f"{name}-{secrets.token_hex(4)}{UNFINISHED}"
    file = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(file, head(HEAD_BYTES))
        final = directory / f"{name}{SUFFIX}"
        try:
            os.link(unfinished, final)
        except FileExistsError:  # a process that had this id before, or has it in another namespace
            final = directory / f"{unfinished.stem}{SUFFIX}"
            os.link(unfinished, final)
    except OSError:
        os.close(file)
        raise
    finally:
        unfinished.unlink(missing_ok=True)
    return file, final
