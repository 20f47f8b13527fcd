"""What is scraped, from one process and from several."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from quintet.telemetry import metrics
from tests.telemetry.metrics.reading import GIVEN, samples


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain"),
        ("text/html", "text/plain"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text"),
    ],
)
def test_the_format_is_the_one_that_the_scraper_accepts(accept, content_type):
    assert metrics.exposition(accept)[1].startswith(content_type)


WORKERS = """
import os, sys
from quintet.settings import ServiceSettings
from quintet.telemetry import metrics

metrics.configure(ServiceSettings.load())
tracked = metrics.track_execution_time("till_checkout")(lambda: None)
for number in range(3):
    child = os.fork()
    if child == 0:
        for _ in range(10 + number):
            metrics.record_request("GET", "/orders/", status=200, duration_seconds=0.3)
        tracked()
        metrics.ACTIVE_CONNECTIONS.inc()
        os._exit(0)
    os.waitpid(child, 0)
sys.stdout.write(metrics.exposition()[0].decode())
"""


@pytest.fixture
def workers(tmp_path):
    """What is scraped from a parent whose three children counted and went without goodbye."""
    environ = {**os.environ, **GIVEN, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    command = [sys.executable, "-c", WORKERS]
    out = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
    return samples(out)


def test_all_processes_are_counted_together(workers):
    labels = {"method": "GET", "endpoint": "/orders/", "status": "200"}

    assert workers["http_requests_total", *sorted(labels.items())] == 33
    del labels["status"]
    assert workers["http_request_duration_seconds_count", *sorted(labels.items())] == 33
    assert workers["till_checkout_duration_seconds_count",] == 3


def test_what_dead_processes_were_doing_is_not_counted(workers):
    assert workers["active_connections",] == 0


def test_no_process_id_is_a_label(workers):
    assert not any(name == "pid" for key in workers for name, _ in key[1:])


def test_all_processes_agree_on_what_is_running(workers):
    expected = {"service": "shop", "version": "1.0.0", "environment": "test"}

    assert workers["service_info", *sorted(expected.items())] == 1
