"""Reading a page, whoever has written it."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, NamedTuple

from quintet.telemetry.metrics.pages import HEAD_BYTES, MARK, NUMBER_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HEAD = struct.Struct("=i4s")
_LENGTH = struct.Struct("=i")


class Content(NamedTuple):
    """A page as it was at one moment: what tells it from others of its name, and its bytes."""

    identity: tuple[int, bytes]
    written: bytes
    rest: bytes = b""

    @property
    def numbers(self) -> memoryview[float]:
        """The numbers by their place."""
        return memoryview(self.written).cast("d")


def content(path: Path) -> Content | None:
    """Read the page; none when it is gone, empty, or not one."""
    return _read(path, numbers=True)


def rest(path: Path) -> bytes:
    """Read what stands behind the numbers of a page."""
    found = _read(path, numbers=False)
    return b"" if found is None else found.rest


def is_marked(path: Path) -> bool:
    """Whether the page is of our making, so that its writer holds a lock on it."""
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(HEAD_BYTES).startswith(MARK, _LENGTH.size)
    except FileNotFoundError:
        return False


def keys(written: bytes, start: int) -> Iterator[tuple[bytes, int]]:
    """The keys from ``start`` on, each with the place of its number."""
    end = len(written)
    while start < end:
        (length,) = _LENGTH.unpack_from(written, start)
        start += _LENGTH.size
        key = written[start : start + length]
        start += length
        start += NUMBER_BYTES - start % NUMBER_BYTES
        if length <= 0 or start + 2 * NUMBER_BYTES > end:
            raise ValueError(f"There is no number at byte {start}.")
        yield key, start // NUMBER_BYTES
        start += 2 * NUMBER_BYTES


def _read(path: Path, *, numbers: bool) -> Content | None:
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        found = os.fstat(file)
        head = os.pread(file, HEAD_BYTES, 0)
        if len(head) < HEAD_BYTES:
            return None
        used, mark = _HEAD.unpack(head)
        if not HEAD_BYTES <= used <= found.st_size or used % NUMBER_BYTES:
            return None
        written = os.pread(file, used, 0) if numbers else b""
        behind = b"" if numbers else os.pread(file, found.st_size - used, used)
        return Content((found.st_ino, mark), written, behind)
    finally:
        os.close(file)
