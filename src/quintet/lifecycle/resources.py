"""What is left of what this process may use: of its container, or else of the machine."""

from __future__ import annotations

import errno
import math
import os
import resource
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from quintet.lifecycle.cgroups import Groups, Share

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CPUMeter", "Groups", "Share", "disk", "files", "memory", "processes"]

_GROUPS = Groups()


def memory(groups: Groups = _GROUPS) -> Share:
    """The bytes in use; pages that the kernel can drop at once are free."""
    found = groups.memory()
    if found is not None:
        return found
    machine = psutil.virtual_memory()
    return Share(machine.total - machine.available, machine.total)


def disk(path: Path | None = None) -> Share:
    """The bytes in use on the disk of ``path``, of those that may be used without being root."""
    usage = shutil.disk_usage(path or Path.cwd())
    return Share(usage.used, usage.used + usage.free)


def processes(groups: Groups = _GROUPS) -> Share | None:
    """The processes and threads of the container, where somebody limits them."""
    return groups.processes()


def files() -> Share:
    """The file descriptors of this process; all of them when there is none left to count with."""
    limit: float = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        limit = math.inf
    try:
        return Share(psutil.Process().num_fds(), limit)
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
        return Share(limit, limit)


class CPUMeter:
    """The processor time of the container, or of the machine, between one look and the next."""

    def __init__(
        self, groups: Groups = _GROUPS, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._groups = groups
        self._clock = clock
        self._last = self._now()

    def percent(self) -> float:
        """How much was used of the quota, or of all processors, since it was asked before."""
        (before, began), (taken, now) = self._last, self._now()
        self._last = taken, now
        available = (now - began) * (self._groups.cpus() or _processors())
        return max(0.0, taken - before) / available * 100 if available > 0 else 0.0

    def _now(self) -> tuple[float, float]:
        taken = self._groups.cpu_seconds()
        return _busy_seconds() if taken is None else taken, self._clock()


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # Time of guests is counted as time of their hosts already.
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return float(sum(times) - idle - guests)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
