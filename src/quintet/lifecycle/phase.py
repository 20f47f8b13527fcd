"""Whether this service is about to stop, known to all its processes at once.

One byte of memory that the processes share: the server writes it, every request reads it. It is
inherited by forks, and found again through a file by processes that are started afresh.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path

VARIABLE = "QUINTET_PHASE_FILE"

_SERVING, _DRAINING = 0, 1


def _shared() -> mmap.mmap:
    named = os.environ.get(VARIABLE, "")
    if not named:
        return mmap.mmap(-1, 1)
    path = Path(named)
    if not path.is_file() or path.stat().st_size == 0:
        path.write_bytes(bytes([_SERVING]))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), 1)


_phase = _shared()


def is_draining() -> bool:
    """Whether the service still answers but wants no new work: unready, and closing connections."""
    return _phase[0] == _DRAINING


def begin_draining() -> None:
    """Say to every process of this service that it is about to stop."""
    _phase[0] = _DRAINING


def begin_serving() -> None:
    """Take it back: a new run begins."""
    _phase[0] = _SERVING
