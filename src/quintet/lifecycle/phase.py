"""Where this service is between its start and its end, known to all its processes at once.

Two bytes of memory that the processes share: the server writes them, every request reads the first.
They are inherited by forks, and found again through a file by processes that are started afresh.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path

VARIABLE = "QUINTET_PHASE_FILE"

_SERVING, _DRAINING, _STOPPING = 0, 1, 2
_PHASE, _CUT = 0, 1
_FRESH = bytes([_SERVING, 0])


def _shared(named: str) -> mmap.mmap:
    if not named:
        return mmap.mmap(-1, len(_FRESH))
    path = Path(named)
    if not path.is_file() or path.stat().st_size < len(_FRESH):
        path.write_bytes(_FRESH)
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), len(_FRESH))


_shared_bytes = _shared(os.environ.get(VARIABLE, ""))


def share(path: Path) -> None:
    """Begin a run whose processes, however they are started, find the phase in this file.

    A server that still drains keeps the file of the same name that it had.
    """
    global _shared_bytes  # noqa: PLW0603 - the one name that every request reads
    path.unlink(missing_ok=True)
    os.environ[VARIABLE] = str(path)
    _shared_bytes = _shared(str(path))


def is_draining() -> bool:
    """Whether the service still answers but wants no new work: unready, and closing connections."""
    return _shared_bytes[_PHASE] != _SERVING


def is_stopping() -> bool:
    """Whether the drain is over: nothing new is accepted, what is in flight may finish."""
    return _shared_bytes[_PHASE] == _STOPPING


def begin_serving() -> None:
    """Take everything back: a new run begins."""
    _shared_bytes[:] = _FRESH


def begin_draining() -> None:
    """Say to every process of this service that it is about to stop."""
    _shared_bytes[_PHASE] = max(_shared_bytes[_PHASE], _DRAINING)


def begin_stopping() -> None:
    """Say to every process of this service that it finishes what it has, and nothing else."""
    _shared_bytes[_PHASE] = _STOPPING


def cut_short() -> None:
    """Note that requests were still unfinished when their time was over."""
    _shared_bytes[_CUT] = 1


def was_cut_short() -> bool:
    """Whether any process of this service had to leave requests unfinished."""
    return _shared_bytes[_CUT] == 1
