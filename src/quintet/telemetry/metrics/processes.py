"""What the processes of this service use, by the names that Prometheus has for it.

The library reads its own process, which is one of several, and in that case tells nothing at all.
Here whichever process is scraped reads all of them.
"""

from __future__ import annotations

import math
import os
import resource
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import psutil
from prometheus_client import PROCESS_COLLECTOR, REGISTRY
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.metrics_core import Metric

MOST_LOOKS = 3


class Used(NamedTuple):
    """What one process uses."""

    cpu_seconds: float
    resident_bytes: float
    open_files: float
    threads: float
    started_at: float


class Processes(Collector):
    """Sums over all processes; of open files the most, since the limit is that of one process.

    The time of processes that have ended is in that of the one that has waited for them.
    """

    def __init__(self, pids: Iterable[int] = ()) -> None:
        self._pids = frozenset(pids)

    def describe(self) -> Iterator[Metric]:
        """Name the metrics, with numbers that are none."""
        yield from _families([Used(0, 0, 0, 0, 0)])

    def collect(self) -> Iterator[Metric]:
        """Look at every process."""
        used = look(self._pids | {os.getpid()})
        if used:
            yield from _families(used)


def look(pids: Iterable[int]) -> list[Used]:
    """Read the processes that are there.

    A child comes before its parent, whose number grows by that of the child when it has ended: so
    none is missed. When one has ended meanwhile it may have been counted twice, and all are read
    again.
    """
    used: list[Used] = []
    for _ in range(MOST_LOOKS):
        there = sorted(_found(pids), key=psutil.Process.create_time, reverse=True)
        used = [found for process in there if (found := _used(process)) is not None]
        if all(process.is_running() for process in there):
            break
    return used


def install() -> None:
    """Tell the same of a process that is alone, in place of what the library tells of it."""
    with suppress(KeyError):  # it has been replaced before
        REGISTRY.unregister(PROCESS_COLLECTOR)
        REGISTRY.register(Processes())


def _found(pids: Iterable[int]) -> Iterator[psutil.Process]:
    for pid in pids:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            process.create_time()  # which it remembers
            yield process


def _used(process: psutil.Process) -> Used | None:
    with process.oneshot():
        try:
            started_at = process.create_time()
            cpu_seconds = sum(process.cpu_times()[:4])  # its own, and of children that have ended
        except (psutil.Error, OSError):
            return None
        try:
            return Used(
                cpu_seconds=cpu_seconds,
                resident_bytes=process.memory_info().rss,
                open_files=process.num_fds(),
                threads=process.num_threads(),
                started_at=started_at,
            )
        except (psutil.Error, OSError):  # one that is ending has nothing else any more
            return Used(cpu_seconds, 0, 0, 0, started_at)


def _families(used: list[Used]) -> Iterator[Metric]:
    yield CounterMetricFamily(
        "process_cpu_seconds",
        "Processor time of all processes, those that have ended included.",
        # Rounded: a counter that falls by the last bit of a sum has been set back, for Prometheus.
        value=round(math.fsum(one.cpu_seconds for one in used), 3),
    )
    for name, about, value in (
        (
            "resident_memory_bytes",
            "Resident memory of all processes; what they share counts in each.",
            sum(one.resident_bytes for one in used),
        ),
        ("threads", "Threads of all processes.", sum(one.threads for one in used)),
        (
            "open_fds",
            "Open file descriptors of the process that has most.",
            max(one.open_files for one in used),
        ),
        (
            "max_fds",
            "How many file descriptors each process may open.",
            resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        ),
        (
            "start_time_seconds",
            "When the oldest process was started.",
            min(one.started_at for one in used),
        ),
    ):
        yield GaugeMetricFamily(f"process_{name}", about, value=float(value))
