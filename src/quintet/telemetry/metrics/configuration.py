"""From the settings of a service to what it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quintet.telemetry import levels
from quintet.telemetry.metrics import catalogue, processes, tracking, values
from quintet.telemetry.metrics.ledger import current
from quintet.telemetry.metrics.recorder import NullRecorder, PrometheusRecorder, Using

if TYPE_CHECKING:
    from quintet.settings import ServiceSettings


def configure(env: ServiceSettings) -> None:
    """Switch the metrics on or off, take their buckets from the settings, say what is running."""
    current.switch(on=env.ENABLE_METRICS)
    if not env.ENABLE_METRICS:
        Using.recorder = NullRecorder()
        levels.counters.feed({})
        return
    catalogue.REQUEST_DURATION.divide(env.SLO_SECONDS)
    tracking.divide(env.SLO_SECONDS)
    values.announce()
    processes.install()
    Using.recorder = PrometheusRecorder()
    levels.counters.feed(
        {name: catalogue.LOG_MESSAGES.labels(name).number().inc for name in levels.NAMES}
    )
    running = catalogue.SERVICE_INFO.labels(
        env.SERVICE_NAME, env.SERVICE_VERSION, env.SERVICE_ENVIRONMENT
    )
    running.set(1)
