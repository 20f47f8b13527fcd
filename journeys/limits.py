"""Limits that the kernel holds a service to: control groups of version 1 or 2, and descriptors."""

from __future__ import annotations

import os
import resource
import signal
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from servers import Server

GROUPS = Path("/sys/fs/cgroup")
MEMBERS = "cgroup.procs"
PATIENCE_SECONDS = 5.0
ENTER = 'for group in $GROUPS_TO_ENTER; do echo $$ > "$group/cgroup.procs"; done; exec "$@"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One number of a controller, by the names of both versions, and what lifts it."""

    controller: str
    one: Mapping[str, str]
    two: Mapping[str, str]
    lifted_one: Mapping[str, str]
    lifted_two: Mapping[str, str]


CPU = Limit(
    controller="cpu",
    one={"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "20000"},
    two={"cpu.max": "20000 100000"},
    lifted_one={"cpu.cfs_quota_us": "-1"},
    lifted_two={"cpu.max": "max 100000"},
)
"""A fifth of one processor."""

MEMORY = Limit(
    controller="memory",
    one={"memory.limit_in_bytes": str(150 * 1024 * 1024)},
    two={"memory.max": str(150 * 1024 * 1024), "memory.swap.max": "0"},
    lifted_one={"memory.limit_in_bytes": "-1"},
    lifted_two={"memory.max": "max"},
)


def tasks(most: int) -> Limit:
    """So many threads and processes, and no more."""
    return Limit(
        controller="pids",
        one={"pids.max": str(most)},
        two={"pids.max": str(most)},
        lifted_one={"pids.max": "max"},
        lifted_two={"pids.max": "max"},
    )


@dataclass(slots=True)
class Group:
    """A control group of this test alone."""

    limit: Limit
    path: Path = field(init=False)

    def __post_init__(self) -> None:
        self.path = self._parent() / f"quintet-{os.getpid()}-{time.monotonic_ns()}"
        self.path.mkdir()

    def _parent(self) -> Path:
        if not self._is_second:
            return GROUPS / self.limit.controller
        with suppress(OSError):  # it is offered already
            (GROUPS / "cgroup.subtree_control").write_text(f"+{self.limit.controller}")
        return GROUPS

    @property
    def _is_second(self) -> bool:
        return (GROUPS / "cgroup.controllers").is_file()

    @property
    def entering(self) -> tuple[str, ...]:
        """What stands before a program that is to run in here."""
        return ("env", f"GROUPS_TO_ENTER={self.path}", "sh", "-c", ENTER, "sh")

    def tighten(self) -> None:
        self._write(self.limit.two if self._is_second else self.limit.one)

    def lift(self) -> None:
        self._write(self.limit.lifted_two if self._is_second else self.limit.lifted_one)

    def _write(self, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            if (self.path / name).is_file():
                (self.path / name).write_text(value)

    def remove(self) -> None:
        """End what still runs in here, and then the group itself."""
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while members := (self.path / MEMBERS).read_text().split():
            for pid in members:
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            assert time.monotonic() < ends_at, f"{self.path} is never empty"
            time.sleep(0.05)
        self.path.rmdir()


@contextmanager
def group(limit: Limit) -> Iterator[Group]:
    """Make a group, and leave nothing of it."""
    made = Group(limit)
    try:
        yield made
    finally:
        made.remove()


def descriptors(server: Server, most: int) -> None:
    """Let each process of the server have so many open."""
    for process in server.processes():
        _, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (most, hard))
