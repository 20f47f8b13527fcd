"""The last exemplar of each bucket, where other processes find it: in a file beside the numbers.

A record has a fixed size and a checksum, so that what a process was writing when it was killed, or
is writing right now, is passed over. What a dead process left is dropped with it.
"""

from __future__ import annotations

import mmap
import os
import struct
from typing import TYPE_CHECKING, NamedTuple, Protocol
from zlib import crc32

from quintet.telemetry.metrics.space import reserve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prometheus_client.samples import Exemplar

SUFFIX = ".exemplars"
LONGEST_BYTES = 128
MOST_EXEMPLARS = 1_000

_BODY = struct.Struct(f"=IddH{LONGEST_BYTES}s")  # place, value, time, and the text with its length
_RECORD = struct.Struct(f"=I{_BODY.format[1:]}")
RECORD_BYTES = _RECORD.size


class Shown(NamedTuple):
    """One observation that stands for its bucket, with ``labels`` as they are shown, in braces."""

    labels: str
    value: float
    timestamp: float


def labels(exemplar: Exemplar) -> bytes:
    """Write the labels of an exemplar of ``prometheus_client`` as OpenMetrics does."""
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in exemplar.labels.items())
    return f"{{{pairs}}}".encode()


class Exemplars(Protocol):
    """The last exemplar at each place of a page."""

    def keep(self, place: int, text: bytes, *, value: float, timestamp: float) -> None:
        """Remember it instead of the one before."""

    def close(self) -> None:
        """Let go of what they are kept in."""


class Forgetful:
    """Keeps nothing: where no other process could ask, or where there is no room."""

    def keep(self, place: int, text: bytes, *, value: float, timestamp: float) -> None:
        """Forget it."""

    def close(self) -> None:
        """There is nothing to let go of."""


class ExemplarFile:
    """Written by one process: a record for each of the first places that had an exemplar."""

    def __init__(self, file: int) -> None:
        try:
            reserve(file, RECORD_BYTES * MOST_EXEMPLARS)
            self._map = mmap.mmap(file, RECORD_BYTES * MOST_EXEMPLARS)
        finally:
            os.close(file)
        self._records: dict[int, int] = {}

    @classmethod
    def beside(cls, page: Path) -> ExemplarFile:
        """Make the file that belongs to ``page``."""
        return cls(os.open(page.with_suffix(SUFFIX), os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644))

    def keep(self, place: int, text: bytes, *, value: float, timestamp: float) -> None:
        """Remember it instead of the one before, by its labels in braces or by its trace alone.

        Too long a text, or too many places, are not remembered.
        """
        length = len(text)
        if length > LONGEST_BYTES:
            return
        start = self._records.get(place)
        if start is None:
            start = len(self._records) * RECORD_BYTES
            if start == len(self._map):
                return
            self._records[place] = start
        check = crc32(_BODY.pack(place, value, timestamp, length, text))
        _RECORD.pack_into(self._map, start, check, place, value, timestamp, length, text)

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()


def read(page: Path) -> Iterator[tuple[int, Shown]]:
    """The exemplars of ``page`` by the place of their bucket; none when it has no such file."""
    try:
        written = page.with_suffix(SUFFIX).read_bytes()
    except FileNotFoundError:
        return
    for start in range(0, len(written) - RECORD_BYTES + 1, RECORD_BYTES):
        check, place, value, timestamp, length, text = _RECORD.unpack_from(written, start)
        if not place:
            return
        if check == crc32(_BODY.pack(place, value, timestamp, length, text)):
            named = text[:length].decode()
            shown = named if named.startswith("{") else f'{{trace_id="{named}"}}'
            yield place, Shown(shown, value, timestamp)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
