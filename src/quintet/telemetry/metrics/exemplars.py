"""The last exemplar of each bucket, where other processes find it: in a file beside the numbers.

A record has a fixed size and a checksum, so that what a process was writing when it was killed, or
is writing right now, is passed over. What a dead process left is dropped with it.
"""

from __future__ import annotations

import mmap
import os
import struct
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from quintet.telemetry.metrics.space import reserve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prometheus_client.samples import Exemplar

SUFFIX = ".exemplars"
RECORD_BYTES = 192
MOST_EXEMPLARS = 1_000

_HEAD = struct.Struct("=IddH")  # the place that it belongs to, value, time, length of the text
_CHECK = struct.Struct("=I")
_LONGEST_TEXT = RECORD_BYTES - _HEAD.size - _CHECK.size


class Shown(NamedTuple):
    """One observation that stands for its bucket, with ``labels`` as they are shown, in braces."""

    labels: str
    value: float
    timestamp: float


def shown(exemplar: Exemplar) -> Shown:
    """Write the labels of an exemplar of ``prometheus_client`` as OpenMetrics does."""
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in exemplar.labels.items())
    return Shown(f"{{{pairs}}}", exemplar.value, float(exemplar.timestamp or 0.0))


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


class ExemplarFile:
    """Written by one process: a record for each of the first places that had an exemplar."""

    def __init__(self, file: int) -> None:
        size = RECORD_BYTES * MOST_EXEMPLARS
        try:
            reserve(file, size)
            self._map = mmap.mmap(file, size)
        finally:
            os.close(file)
        self._records: dict[int, int] = {}

    @classmethod
    def beside(cls, page: Path) -> ExemplarFile:
        """Make the file that belongs to ``page``."""
        return cls(os.open(page.with_suffix(SUFFIX), os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644))

    def keep(self, place: int, exemplar: Shown) -> None:
        """Remember it instead of the one before; too long a text, or too many places, are not."""
        text = exemplar.labels.encode()
        start = self._records.get(place, len(self._records) * RECORD_BYTES)
        if len(text) > _LONGEST_TEXT or start == len(self._map):
            return
        self._records[place] = start
        record = _HEAD.pack(place, exemplar.value, exemplar.timestamp, len(text)) + text
        self._map[start : start + _CHECK.size + len(record)] = _CHECK.pack(crc32(record)) + record

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()


def read(page: Path) -> Iterator[tuple[int, Shown]]:
    """The exemplars of ``page`` by the place of their bucket; none when it has no such file."""
    try:
        written = page.with_suffix(SUFFIX).read_bytes()
    except FileNotFoundError:
        return
    for start in range(0, len(written), RECORD_BYTES):
        record = written[start + _CHECK.size : start + RECORD_BYTES]
        if len(record) < RECORD_BYTES - _CHECK.size or not any(record[: _HEAD.size]):
            return
        place, value, timestamp, length = _HEAD.unpack_from(record)
        record = record[: _HEAD.size + length]
        if _CHECK.unpack_from(written, start)[0] == crc32(record):
            labels = record[_HEAD.size :].decode()
            yield place, Shown(labels, value, timestamp)
