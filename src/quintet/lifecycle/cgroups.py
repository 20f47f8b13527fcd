"""What the container of this process may use, and does: control groups of both versions.

Inside a container the figures of the machine say nothing. A limit may stand at any group between
that of the process and the top one, and the one that is nearest to its limit decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

TREE = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")

_NO_LIMIT = 2**60
"""Version 1 writes the largest number of whole pages where there is no limit."""


class Share(NamedTuple):
    """So much of so much."""

    used: float
    limit: float

    @property
    def percent(self) -> float:
        """How much of the limit is used."""
        return self.used / self.limit * 100


class _Version(NamedTuple):
    """How the files of a version are read; each function is given the folder of a group."""

    memory: Callable[[Path], Share]
    cpu_seconds: Callable[[Path], float]
    cpus: Callable[[Path], float]


@dataclass(frozen=True, slots=True)
class Groups:
    """The control groups of this process; what their files do not say is ``None``."""

    tree: Path = TREE
    membership: Path = MEMBERSHIP

    def memory(self) -> Share | None:
        """The bytes in use, without the pages of files that the kernel can drop at once."""
        return self._tightest("memory", self._version().memory)

    def processes(self) -> Share | None:
        """The processes, and the threads, which are counted as such."""
        return self._tightest("pids", _processes)

    def cpu_seconds(self) -> float | None:
        """The processor time that the own group has taken since it was made."""
        return next(self._readings("cpuacct", self._version().cpu_seconds), None)

    def cpus(self) -> float | None:
        """How many processors the narrowest quota is worth."""
        return min(self._readings("cpu", self._version().cpus), default=None)

    def _tightest(self, controller: str, read: Callable[[Path], Share]) -> Share | None:
        shares = self._readings(controller, read)
        return max(shares, key=lambda share: share.percent, default=None)

    def _readings(self, controller: str, read: Callable[[Path], T]) -> Iterator[T]:
        """Read each group from the own to the top one, and pass over those that say nothing."""
        for group in self._lineage(controller):
            try:
                yield read(group)
            except (OSError, ValueError, LookupError):
                continue

    def _lineage(self, controller: str) -> Iterator[Path]:
        top = self.tree if self._is_unified() else self.tree / controller
        own = top / self._path("" if self._is_unified() else controller).lstrip("/")
        if ".." in own.parts or not own.is_dir():
            own = top  # the path is one outside of this container
        yield own
        yield from own.parents[: len(own.parts) - len(top.parts)]

    def _path(self, controller: str) -> str:
        try:
            lines = self.membership.read_text().splitlines()
        except OSError:
            return "/"
        rows = (line.split(":", 2) for line in lines)
        return next((path for _, named, path in rows if controller in named.split(",")), "/")

    def _is_unified(self) -> bool:
        return (self.tree / "cgroup.controllers").is_file()

    def _version(self) -> _Version:
        return _VERSION_2 if self._is_unified() else _VERSION_1


def _limited(used: float, limit: float) -> Share:
    if not 0 < limit < _NO_LIMIT:
        raise LookupError("there is no limit")
    return Share(max(0.0, used), limit)


def _number(file: Path) -> float:
    return float(file.read_text())  # "max" is no number


def _table(file: Path) -> dict[str, float]:
    rows = (line.split() for line in file.read_text().splitlines())
    return {name: float(value) for name, value in rows}


def _processes(group: Path) -> Share:
    return _limited(_number(group / "pids.current"), _number(group / "pids.max"))


def _memory_2(group: Path) -> Share:
    droppable = _table(group / "memory.stat").get("inactive_file", 0.0)
    used = _number(group / "memory.current") - droppable
    return _limited(used, _number(group / "memory.max"))


def _cpu_seconds_2(group: Path) -> float:
    return _table(group / "cpu.stat")["usage_usec"] / 1e6


def _cpus_2(group: Path) -> float:
    quota, period = (group / "cpu.max").read_text().split()
    return _limited(0.0, float(quota) / float(period)).limit


def _memory_1(group: Path) -> Share:
    droppable = _table(group / "memory.stat").get("total_inactive_file", 0.0)
    used = _number(group / "memory.usage_in_bytes") - droppable
    return _limited(used, _number(group / "memory.limit_in_bytes"))


def _cpu_seconds_1(group: Path) -> float:
    return _number(group / "cpuacct.usage") / 1e9


def _cpus_1(group: Path) -> float:
    quota = _number(group / "cpu.cfs_quota_us")
    return _limited(0.0, quota / _number(group / "cpu.cfs_period_us")).limit


_VERSION_1 = _Version(memory=_memory_1, cpu_seconds=_cpu_seconds_1, cpus=_cpus_1)
_VERSION_2 = _Version(memory=_memory_2, cpu_seconds=_cpu_seconds_2, cpus=_cpus_2)
