"""From the settings to what is counted."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from prometheus_client import REGISTRY

from quintet.settings import SettingsError
from quintet.telemetry import metrics
from tests.telemetry.metrics.reading import GIVEN, scraped, switched

OFF = """
from prometheus_client import Counter
from quintet.settings import ServiceSettings
from quintet.telemetry import metrics

metrics.configure(ServiceSettings.load())
Counter("lamps_total", "Lamps sold.").inc()
metrics.ACTIVE_CONNECTIONS.inc()
metrics.record_request("GET", "/", status=200, duration_seconds=0.1)
print(metrics.exposition()[0].decode())
"""


@pytest.fixture
def as_it_was():
    yield
    switched()


def test_the_exposition_names_what_is_running():
    switched(SERVICE_VERSION="7.1")

    expected = {"service": "shop", "version": "7.1", "environment": "test"}
    assert scraped()["service_info", *sorted(expected.items())] == 1


def test_the_names_are_those_of_the_source():
    switched()
    metrics.record_request("GET", "/named/", status=200, duration_seconds=0.1)

    names = {key[0] for key in scraped()}
    assert {"http_requests_total", "active_connections", "service_info"} <= names
    assert "http_request_duration_seconds_bucket" in names


def test_the_buckets_are_those_of_the_settings(as_it_was):
    switched(SLO_SECONDS="0.2, 1")

    metrics.record_request("GET", "/slow/", status=200, duration_seconds=0.5)

    labels = {"method": "GET", "endpoint": "/slow/"}
    name = "http_request_duration_seconds_bucket"
    found = [
        REGISTRY.get_sample_value(name, {**labels, "le": end}) for end in ("0.2", "1.0", "+Inf")
    ]
    assert found == [0, 1, 1]
    assert REGISTRY.get_sample_value(name, {**labels, "le": "0.5"}) is None


def test_the_same_buckets_again_keep_what_was_observed():
    switched()
    metrics.record_request("GET", "/kept/", status=200, duration_seconds=0.5)

    switched()

    labels = {"method": "GET", "endpoint": "/kept/"}
    assert REGISTRY.get_sample_value("http_request_duration_seconds_count", labels) >= 1


@pytest.mark.parametrize("wrong", ["0.1,0.1", "1,0.5", "0,1", "-1,1", "1,nan", "1,inf", "1,,2"])
def test_buckets_that_do_not_rise_are_refused_by_name(wrong):
    with pytest.raises(SettingsError, match=r"(?s)SLO_SECONDS.*numbers above 0 in rising order"):
        switched(SLO_SECONDS=wrong)


def test_switched_off_among_several_processes_no_file_is_made(tmp_path):
    environ = {
        **os.environ,
        **GIVEN,
        "ENABLE_METRICS": "0",
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
    }
    command = [sys.executable, "-c", OFF]

    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == ""
    assert list(tmp_path.iterdir()) == []
