"""What a service counts: right across its worker processes, and bounded in the series it makes.

With ``PROMETHEUS_MULTIPROC_DIR`` in the environment before this is imported, every process writes
to files of its own there and ``exposition`` adds them up; ``quintet.server`` sees to that.
"""

from __future__ import annotations

from quintet.telemetry.metrics.catalogue import (
    ACTIVE_CONNECTIONS,
    BUCKETS_SECONDS,
    REQUEST_COUNT,
    REQUEST_DURATION,
    SERVICE_INFO,
)
from quintet.telemetry.metrics.configuration import configure
from quintet.telemetry.metrics.exposition import exposition
from quintet.telemetry.metrics.readings import Reading, read_at_scrape
from quintet.telemetry.metrics.recorder import (
    NullRecorder,
    PrometheusRecorder,
    Recorder,
    Using,
    enabled,
    record_request,
)
from quintet.telemetry.metrics.series import MOST_SERIES, OVERFLOW, Series
from quintet.telemetry.metrics.tallies import METHODS, OTHER_METHOD
from quintet.telemetry.metrics.tracking import track_execution_time

__all__ = [
    "ACTIVE_CONNECTIONS",
    "BUCKETS_SECONDS",
    "METHODS",
    "MOST_SERIES",
    "OTHER_METHOD",
    "OVERFLOW",
    "REQUEST_COUNT",
    "REQUEST_DURATION",
    "SERVICE_INFO",
    "NullRecorder",
    "PrometheusRecorder",
    "Reading",
    "Recorder",
    "Series",
    "Using",
    "configure",
    "enabled",
    "exposition",
    "read_at_scrape",
    "record_request",
    "track_execution_time",
]
