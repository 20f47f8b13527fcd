"""Milliseconds of one scrape, first and later ones: ``python -m counting.scrape WAY``.

It prints CPU and wall milliseconds of the first, and of the median of those after it.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

if TYPE_CHECKING:
    from collections.abc import Callable

LATER = 5


def stock() -> bytes:
    """As the library's documentation has it."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)


def quintet() -> bytes:
    """As the view of a service does it."""
    # The package offers a function of this name.
    exposition = importlib.import_module("quintet.telemetry.metrics.exposition")
    return exposition.scrape(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]), modern=False)


WAYS = {"stock": stock, "quintet": quintet}


def timed(scrape: Callable[[], bytes]) -> tuple[float, float]:
    """CPU and wall milliseconds of one scrape."""
    cpu, wall = time.process_time(), time.perf_counter()
    scrape()
    return (time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000


if __name__ == "__main__":
    way = WAYS[sys.argv[1]]
    importlib.import_module("quintet.telemetry.metrics")
    first = timed(way)
    later = [timed(way) for _ in range(LATER)]
    print(json.dumps([*first, *(statistics.median(column) for column in zip(*later, strict=True))]))
