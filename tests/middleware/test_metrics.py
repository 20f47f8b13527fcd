from __future__ import annotations

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpResponse
from django.test import RequestFactory
from prometheus_client import REGISTRY

from quintet.database.meter import PoolMeter
from quintet.middleware.metrics import MetricsMiddleware
from quintet.telemetry import metrics

pytestmark = pytest.mark.urls("tests.middleware.rooms")


@pytest.fixture(autouse=True)
def counting():
    metrics.Using.recorder = metrics.PrometheusRecorder()


def count(**labels):
    return REGISTRY.get_sample_value("http_requests_total", labels) or 0


def active():
    return REGISTRY.get_sample_value("active_connections")


def test_a_request_is_counted_under_its_route(client):
    labels = {"method": "GET", "endpoint": "/raw/<str:name>/", "status": "200"}
    before = count(**labels)

    client.get("/raw/lamp/")
    client.get("/raw/table/")

    assert count(**labels) == before + 2


def test_unknown_urls_are_counted_together(client):
    labels = {"method": "GET", "endpoint": "<unmatched>", "status": "404"}
    before = count(**labels)

    for number in range(100):
        client.get(f"/made/up/{number}")

    assert count(**labels) == before + 100


def test_a_method_that_nobody_knows_has_no_series_of_its_own(client):
    client.generic("BREW", "/nowhere")

    assert count(method="OTHER", endpoint="<unmatched>", status="404") >= 1
    assert count(method="BREW", endpoint="<unmatched>", status="404") == 0


def test_a_duration_is_observed(client):
    labels = {"method": "GET", "endpoint": "/seen/"}
    name = "http_request_duration_seconds_count"
    before = REGISTRY.get_sample_value(name, labels) or 0

    client.get("/seen/")

    assert REGISTRY.get_sample_value(name, labels) == before + 1


def test_a_probe_is_not_counted(client):
    client.get("/livez")

    assert count(method="GET", endpoint="/livez", status="200") == 0


def test_a_stream_is_counted_when_it_is_over(client):
    labels = {"method": "GET", "endpoint": "/stream/", "status": "200"}
    before, idle = count(**labels), active()

    response = client.get("/stream/")
    running = active()
    list(response.streaming_content)

    assert running == idle + 1
    assert (count(**labels), active()) == (before + 1, idle)


def test_a_request_that_was_abandoned_is_no_longer_active(client):
    idle = active()

    with pytest.raises(KeyboardInterrupt):
        client.get("/leaving/")

    assert active() == idle
    assert count(method="GET", endpoint="/leaving/", status="499") >= 1


def test_an_abandoned_probe_changes_nothing():
    def leave(request):
        raise KeyboardInterrupt

    idle = active()
    with pytest.raises(KeyboardInterrupt):
        MetricsMiddleware(leave)(RequestFactory().get("/livez"))

    assert active() == idle


def test_with_metrics_off_there_is_no_such_middleware(client):
    metrics.Using.recorder = metrics.NullRecorder()
    idle = active()

    with pytest.raises(MiddlewareNotUsed):
        MetricsMiddleware(lambda request: None)
    response = client.get("/stream/")

    assert active() == idle
    list(response.streaming_content)
    assert active() == idle


def test_at_the_end_of_a_request_the_pools_are_looked_at(client, monkeypatch):
    looked = []
    monkeypatch.setattr(PoolMeter, "look", lambda self: looked.append(active()))
    idle = active()

    client.get("/seen/")

    assert looked == [idle]


def test_what_clients_make_up_makes_no_series():
    """Ten thousand URLs and methods, none of which anybody has ever defined."""
    made_up = MetricsMiddleware(lambda request: HttpResponse(status=404))
    asks = RequestFactory()
    made_up(asks.get("/first/"))
    made_up(asks.generic("FIRST", "/"))
    before = series()

    for number in range(10_000):
        made_up(asks.generic(f"M{number}" if number % 2 else "GET", f"/{number}/?q={number}"))

    assert series() == before


def series():
    return {
        (sample.name, *sample.labels.items()) for f in REGISTRY.collect() for sample in f.samples
    }
