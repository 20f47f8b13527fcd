"""What is counted of a request, and what of one when metrics are off."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from quintet import context
from quintet.telemetry import metrics
from tests.telemetry.metrics.reading import counted, scraped, switched

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(autouse=True)
def fresh():
    metrics.REQUEST_DURATION.clear()
    metrics.REQUEST_COUNT.clear()
    switched()


def exemplars():
    return [
        (sample.labels["endpoint"], sample.exemplar.labels)
        for family in metrics.REQUEST_DURATION.collect()
        for sample in family.samples
        if sample.exemplar
    ]


def test_a_request_is_counted_and_timed_under_its_route():
    before = counted("/counted/{id}/", "POST", "201")

    metrics.record_request("POST", "/counted/{id}/", status=201, duration_seconds=0.02)

    assert counted("/counted/{id}/", "POST", "201") == before + 1
    timed = {"method": "POST", "endpoint": "/counted/{id}/"}
    assert REGISTRY.get_sample_value("http_request_duration_seconds_sum", timed) >= 0.02
    bucket = {**timed, "le": "0.025"}
    assert REGISTRY.get_sample_value("http_request_duration_seconds_bucket", bucket) >= 1


def test_a_sampled_request_leaves_the_id_of_its_trace():
    with context.running(context.Context(correlation_id="c", trace_id=TRACE, sampled=True)):
        metrics.record_request("GET", "/sampled/", status=200, duration_seconds=0.02)

    assert exemplars() == [("/sampled/", {"trace_id": TRACE})]


def test_a_trace_that_nobody_keeps_is_not_named():
    with context.running(context.Context(correlation_id="c", trace_id=TRACE, sampled=False)):
        metrics.record_request("GET", "/unsampled/", status=200, duration_seconds=0.02)

    assert exemplars() == []


def test_requests_that_are_worked_on_are_counted():
    before = REGISTRY.get_sample_value("active_connections")

    metrics.Using.recorder.begin()
    metrics.Using.recorder.begin()
    metrics.Using.recorder.end()

    assert REGISTRY.get_sample_value("active_connections") == before + 1
    metrics.Using.recorder.end()


def test_switched_off_nothing_is_counted_and_nothing_is_shown():
    switched(ENABLE_METRICS="off")
    before, active = counted("/off/"), REGISTRY.get_sample_value("active_connections")

    metrics.Using.recorder.begin()
    metrics.record_request("GET", "/off/", status=200, duration_seconds=0.1)

    assert counted("/off/") == before
    assert REGISTRY.get_sample_value("active_connections") == active
    metrics.Using.recorder.end()
    assert not metrics.enabled()
    assert scraped() == {}


def test_they_can_be_switched_on_again():
    switched(ENABLE_METRICS="off")
    switched()

    assert metrics.enabled()
    assert scraped() != {}
