"""What the tests of the metrics look at."""

from __future__ import annotations

from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from quintet.settings import ServiceSettings
from quintet.telemetry import metrics

GIVEN = {"SERVICE_NAME": "shop", "SECRET_KEY": "k", "SERVICE_ENVIRONMENT": "test"}


def switched(**environ: str) -> None:
    metrics.configure(ServiceSettings.load({**GIVEN, **environ}))


def counted(endpoint: str, method: str = "GET", status: str = "200") -> float:
    labels = {"method": method, "endpoint": endpoint, "status": status}
    return REGISTRY.get_sample_value("http_requests_total", labels) or 0


def samples(text: str) -> dict:
    """The numbers of an exposition by their name and labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scraped(accept: str = "") -> dict:
    return samples(metrics.exposition(accept)[0].decode())
