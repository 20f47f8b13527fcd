"""How much memory the system takes: pages that processes share are counted once."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable


def total(pids: Iterable[int]) -> int:
    """Return the bytes of the processes, all that they started, and this one."""
    own = psutil.Process(os.getpid())
    family = {own.pid: own}
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            leader = psutil.Process(pid)
            family |= {one.pid: one for one in (leader, *leader.children(recursive=True))}
    return sum(_bytes(process) for process in family.values())


def _bytes(process: psutil.Process) -> int:
    """Proportional size where the system tells it (Linux), else the unique one."""
    try:
        full = process.memory_full_info()
    except psutil.Error:
        return 0
    return int(getattr(full, "pss", full.uss))
