"""What Prometheus reads: the numbers of all processes of this service, as text."""

from __future__ import annotations

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from quintet.telemetry.metrics.ledger import directory
from quintet.telemetry.metrics.readings import Reading
from quintet.telemetry.metrics.recorder import enabled


def exposition(accept: str = "") -> tuple[bytes, str]:
    """Return what there is to scrape, of all processes, and its content type; nothing when off."""
    encode, content_type = choose_encoder(accept)
    if not enabled():
        return encode(CollectorRegistry()), content_type
    if directory() is None:
        return encode(REGISTRY), content_type
    merged = CollectorRegistry()
    MultiProcessCollector(merged)  # type: ignore[no-untyped-call]  # it has no annotations
    for reading in Reading.all:
        merged.register(reading)
    return encode(merged), content_type
