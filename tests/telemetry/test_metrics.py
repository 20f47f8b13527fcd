from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.parser import text_string_to_metric_families

from quintet.settings import ServiceSettings
from quintet.telemetry import metrics
from quintet.telemetry.metrics import OVERFLOW, Series

GIVEN = {"SERVICE_NAME": "shop", "SECRET_KEY": "k", "SERVICE_ENVIRONMENT": "test"}


def switched(**environ: str) -> None:
    metrics.configure(ServiceSettings.load({**GIVEN, **environ}))


def counted(endpoint: str, method: str = "GET", status: str = "200") -> float:
    labels = {"method": method, "endpoint": endpoint, "status": status}
    return REGISTRY.get_sample_value("http_requests_total", labels) or 0


def scraped(accept: str = "") -> dict:
    body, _ = metrics.exposition(accept)
    families = text_string_to_metric_families(body.decode())
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture
def series():
    metric = Counter(
        "seen", "What was seen.", ["method", "endpoint", "status"], registry=CollectorRegistry()
    )
    return metric, Series(metric, limit=10)


def labels_of(metric: Counter) -> set[tuple[str, ...]]:
    return set(metric._metrics)


def test_a_request_is_counted_and_timed_under_its_route():
    before = counted("/counted/{id}/", "POST", "201")

    metrics.record_request("POST", "/counted/{id}/", status=201, duration_seconds=0.02)

    assert counted("/counted/{id}/", "POST", "201") == before + 1
    timed = {"method": "POST", "endpoint": "/counted/{id}/"}
    assert REGISTRY.get_sample_value("http_request_duration_seconds_sum", timed) >= 0.02
    bucket = {**timed, "le": "0.025"}
    assert REGISTRY.get_sample_value("http_request_duration_seconds_bucket", bucket) >= 1


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


def test_any_number_of_urls_makes_a_bounded_number_of_series(series):
    metric, bounded = series

    for number in range(1_000):
        bounded.child("GET", f"/{number}/", status=200).inc()

    assert len(labels_of(metric)) == 11
    assert metric.labels("GET", OVERFLOW, "200")._value.get() == 990


def test_what_is_known_before_the_overflow_stays_itself(series):
    metric, bounded = series
    for number in range(100):
        bounded.child("GET", f"/{number}/", status=200)

    bounded.child("GET", "/0/", status=200).inc()

    assert metric.labels("GET", "/0/", "200")._value.get() == 1


def test_methods_and_statuses_that_nobody_defined_share_a_label(series):
    metric, bounded = series

    for number in range(1_000):
        bounded.child(f"M{number}", "/", status=1_000 + number).inc()

    assert labels_of(metric) == {("OTHER", "/", "0")}


def test_a_child_is_bound_once(series):
    _, bounded = series

    assert bounded.child("GET", "/", status=200) is bounded.child("GET", "/", status=200)


def test_a_metric_without_a_status_has_none():
    registry = CollectorRegistry()
    metric = Histogram("took", "How long.", ["method", "endpoint"], registry=registry)

    Series(metric).child("GET", "/").observe(1)

    assert registry.get_sample_value("took_count", {"method": "GET", "endpoint": "/"}) == 1


def test_switched_off_nothing_is_counted_and_nothing_is_shown():
    switched(ENABLE_METRICS="off")
    before = counted("/off/")

    metrics.record_request("GET", "/off/", status=200, duration_seconds=0.1)

    assert counted("/off/") == before
    assert not metrics.enabled()
    assert scraped() == {}


def test_they_can_be_switched_on_again():
    switched(ENABLE_METRICS="off")
    switched()

    assert metrics.enabled()
    assert scraped() != {}


def test_the_time_of_a_function_is_measured_also_when_it_fails():
    @metrics.track_execution_time("till_division")
    def divide(left: int, right: int) -> float:
        """Divide."""
        return left / right

    assert divide(4, right=2) == 2
    with pytest.raises(ZeroDivisionError):
        divide(4, 0)

    assert REGISTRY.get_sample_value("till_division_duration_seconds_count") == 2
    assert (divide.__name__, divide.__doc__) == ("divide", "Divide.")


def test_the_time_of_a_coroutine_is_the_time_until_it_is_done():
    done = []

    @metrics.track_execution_time("till_waiting")
    async def wait() -> str:
        await asyncio.sleep(0)
        done.append(REGISTRY.get_sample_value("till_waiting_duration_seconds_count"))
        return "done"

    assert asyncio.run(wait()) == "done"
    assert done == [0]
    assert REGISTRY.get_sample_value("till_waiting_duration_seconds_count") == 1


def test_two_functions_may_share_a_name():
    @metrics.track_execution_time("till_shared")
    def first() -> None: ...

    @metrics.track_execution_time("till_shared")
    def second() -> None: ...

    first()
    second()

    assert REGISTRY.get_sample_value("till_shared_duration_seconds_count") == 2


def test_a_tracked_function_runs_also_when_metrics_are_off():
    @metrics.track_execution_time("till_unmeasured")
    def work() -> int:
        return 7

    switched(ENABLE_METRICS="off")

    assert work() == 7
    assert REGISTRY.get_sample_value("till_unmeasured_duration_seconds_count") == 0


def test_no_count_is_lost_between_threads():
    before = counted("/threads/")

    with ThreadPoolExecutor(8) as pool:
        for _ in range(400):
            pool.submit(
                metrics.record_request, "GET", "/threads/", status=200, duration_seconds=0.1
            )

    assert counted("/threads/") == before + 400


WORKERS = """
import os, sys
from prometheus_client import multiprocess
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
    if number < 2:
        multiprocess.mark_process_dead(child)
sys.stdout.write(metrics.exposition()[0].decode())
"""


@pytest.fixture
def workers(tmp_path):
    """What is scraped from a parent whose three children counted and went, one without goodbye."""
    environ = {**os.environ, **GIVEN, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    command = [sys.executable, "-c", WORKERS]
    out = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(out)
        for sample in family.samples
    }


def test_all_processes_are_counted_together(workers):
    labels = {"method": "GET", "endpoint": "/orders/", "status": "200"}

    assert workers["http_requests_total", *sorted(labels.items())] == 33
    del labels["status"]
    assert workers["http_request_duration_seconds_count", *sorted(labels.items())] == 33
    assert workers["till_checkout_duration_seconds_count",] == 3


def test_what_dead_processes_were_doing_is_not_counted(workers):
    assert workers["active_connections",] == 1


def test_no_process_id_is_a_label(workers):
    assert not any(name == "pid" for key in workers for name, _ in key[1:])


def test_all_processes_agree_on_what_is_running(workers):
    expected = {"service": "shop", "version": "1.0.0", "environment": "test"}

    assert workers["service_info", *sorted(expected.items())] == 1
