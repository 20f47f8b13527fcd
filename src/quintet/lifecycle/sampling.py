"""Looks at what is left every few seconds, and says it once when something runs short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter

from quintet.lifecycle import resources
from quintet.lifecycle.guard import Guard
from quintet.lifecycle.thresholds import Change, Threshold
from quintet.lifecycle.turns import Turn
from quintet.telemetry import output
from quintet.telemetry.logs import get_logger
from quintet.telemetry.metrics import read_at_scrape

if TYPE_CHECKING:
    from pathlib import Path

    from quintet.settings import ServiceSettings

SECONDS = 5.0
COUNTED_PERCENT_MAX = 80.0
"""Of what is counted in pieces: file descriptors, processes. Above it the monitor warns."""

LOST_LINES = Counter("log_lines_dropped", "Log lines that nobody read in time.")

log = get_logger("quintet.lifecycle")


class Sampler:
    """What the monitor does with readings: gauges, warnings, and relief when memory is short."""

    cpu_percent = 0.0
    """The last reading in this process, for whoever scrapes it."""

    def __init__(self, env: ServiceSettings, *, folder: Path | None) -> None:
        self._meter = resources.CPUMeter()
        self._guard = Guard(env.MEMORY_PERCENT_MAX)
        self._speaks = Turn("monitor", folder)
        self._lost_lines = 0
        self._thresholds = {
            "cpu": Threshold(percent=env.CPU_PERCENT_MAX),
            "memory": Threshold(percent=env.MEMORY_PERCENT_MAX, looks=1),
            "disk": Threshold(percent=env.DISK_PERCENT_MAX, looks=1),
            "processes": Threshold(percent=COUNTED_PERCENT_MAX),
            "files": Threshold(percent=COUNTED_PERCENT_MAX),
        }

    def look(self) -> None:
        """Read everything once."""
        self._publish_lost_lines()  # first: it needs nothing that may have run out
        memory = resources.memory()
        self._guard.look(memory.percent)
        Sampler.cpu_percent = self._meter.percent()
        aloud = self._speaks.take()  # what all processes see is said by one of them
        self._judge("files", resources.files().percent, aloud=True)
        self._judge("cpu", Sampler.cpu_percent, aloud=aloud)
        self._judge("memory", memory.percent, aloud=aloud)
        self._judge("disk", resources.disk().percent, aloud=aloud)
        processes = resources.processes()
        if processes is not None:
            self._judge("processes", processes.percent, aloud=aloud)

    def _judge(self, name: str, percent: float, *, aloud: bool) -> None:
        threshold = self._thresholds[name]
        change = threshold.look(percent)
        said = {"resource": name, "percent": round(percent, 1), "threshold": threshold.percent}
        if aloud and change is Change.ABOVE:
            log.warning("a resource runs short", **said)
        if aloud and change is Change.BACK:
            log.info("a resource is back", **said)

    def _publish_lost_lines(self) -> None:
        lost = output.lost()
        LOST_LINES.inc(max(0, lost - self._lost_lines))  # a fork begins at 0 again
        self._lost_lines = lost


read_at_scrape(
    "container_cpu_percent",
    "Of the quota, or of all processors of the machine.",
    read=lambda: Sampler.cpu_percent,
)
read_at_scrape(
    "container_memory_percent",
    "Of the limit, or of the memory of the machine.",
    read=lambda: resources.memory().percent,
)
read_at_scrape(
    "container_memory_bytes",
    "In use, without what the kernel can drop at once.",
    read=lambda: resources.memory().used,
)
read_at_scrape(
    "container_disk_percent",
    "Of the disk of the working folder.",
    read=lambda: resources.disk().percent,
)
