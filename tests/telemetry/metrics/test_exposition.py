"""What is scraped, from one process and from several."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics

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


SAMPLED = """
import os, sys
from quintet import context
from quintet.settings import ServiceSettings
from quintet.telemetry import metrics

metrics.configure(ServiceSettings.load())
child = os.fork()
if child == 0:
    trace = sys.argv[1]
    with context.running(context.Context(correlation_id="c", trace_id=trace, sampled=True)):
        metrics.record_request("GET", "/orders/", status=200, duration_seconds=0.3)
    with context.running(context.Context(correlation_id="c", trace_id=trace[::-1], sampled=True)):
        metrics.record_request("GET", "/orders/", status=200, duration_seconds=0.3)
    print(metrics.exposition("application/openmetrics-text")[0].decode(), flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(metrics.exposition("application/openmetrics-text")[0].decode())
"""


@pytest.fixture
def workers(tmp_path):
    """What is scraped from a parent whose three children counted and went without goodbye."""
    return samples(run(tmp_path, WORKERS))


def run(directory, code, *arguments):
    environ = {**os.environ, **GIVEN, "PROMETHEUS_MULTIPROC_DIR": str(directory)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout


def test_all_processes_are_counted_together(workers):
    labels = {"method": "GET", "endpoint": "/orders/", "status": "200"}

    assert workers["http_requests_total", *sorted(labels.items())] == 33
    del labels["status"]
    assert workers["http_request_duration_seconds_count", *sorted(labels.items())] == 33
    assert workers["till_checkout_duration_seconds_count",] == 3


def test_what_dead_processes_were_doing_is_not_counted(workers):
    assert workers["active_connections",] == 0


def test_what_all_processes_use_is_told_once(workers):
    assert workers["process_cpu_seconds_total",] > 0
    assert workers["process_threads",] == 1
    assert workers["process_resident_memory_bytes",] > 1_000_000


def test_no_process_id_is_a_label(workers):
    assert not any(name == "pid" for key in workers for name, _ in key[1:])


def test_all_processes_agree_on_what_is_running(workers):
    expected = {"service": "shop", "version": "1.0.0", "environment": "test"}

    assert workers["service_info", *sorted(expected.items())] == 1


def test_a_sampled_request_shows_its_trace_while_its_process_lives(tmp_path):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"

    living, dead, _ = run(tmp_path, SAMPLED, trace).split("# EOF\n")

    shown = [
        (sample.name, sample.labels["le"], sample.exemplar.labels, sample.exemplar.value)
        for family in read_openmetrics(f"{living}# EOF\n")
        for sample in family.samples
        if sample.exemplar
    ]
    assert shown == [("http_request_duration_seconds_bucket", "0.5", {"trace_id": trace}, 0.3)]
    assert trace not in dead


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("application/openmetrics-text", True),
        ("text/html, Application/OpenMetrics-Text; version=1.0.0; q=0.5", True),
        ("application/openmetrics-text;version=abc", True),
        ("application/openmetrics-text; version=0.0.1", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-texture", False),
        (";;,,;q=,", False),
        ("", False),
    ],
)
def test_openmetrics_is_for_those_who_say_that_they_read_it(accept, wanted):
    assert metrics.exposition(accept)[1].startswith("application/openmetrics-text") == wanted


def test_the_end_stands_at_the_end(tmp_path):
    text = run(
        tmp_path, WORKERS.replace("exposition()", "exposition('application/openmetrics-text')")
    )

    assert text.count("# EOF") == 1
    assert text.endswith("# EOF\n")
    assert "http_requests_total{" in "".join(
        f"{s.name}{{" for f in read_openmetrics(text) for s in f.samples
    )
