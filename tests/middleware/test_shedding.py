from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import AsyncClient, RequestFactory
from django.urls import path
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from quintet.auth import Public
from quintet.middleware import shedding as module
from quintet.middleware.shedding import SheddingMiddleware
from quintet.telemetry import metrics
from quintet.views.functions import declares
from quintet.views.priority import priority
from quintet.views.urls import service_urls
from tests.project.settings import ProjectSettings

PLACES = 8
STRANGER = "203.0.113.9"


@declares(Public)
def plain(request):
    return HttpResponse()


@priority
@declares(Public)
def paying(request):
    return JsonResponse({"paid": True})


@declares(Public)
def stream(request):
    return StreamingHttpResponse(iter([b"a", b"b"]))


@declares(Public)
async def stream_later(request):
    async def chunks():
        yield b"a"
        yield b"b"

    return StreamingHttpResponse(chunks())


@declares(Public)
def leaving(request):
    raise KeyboardInterrupt


urlpatterns = [
    path("plain/", plain),
    path("paying/", paying),
    path("stream/", stream),
    path("stream-later/", stream_later),
    path("leaving/", leaving),
    *service_urls,
]

pytestmark = pytest.mark.urls(__name__)


@pytest.fixture(autouse=True)
def places(settings):
    metrics.Using.recorder = metrics.PrometheusRecorder()

    def declare(number=PLACES, share=1):
        given = {"MAX_IN_FLIGHT": str(number), "CLIENT_SHARE": str(share)}
        settings.QUINTET = ProjectSettings.load(environ={**os.environ, **given})

    declare()
    return declare


def shedding(view=plain):
    """The middleware alone."""
    return SheddingMiddleware(view)


def ask(where="/plain/", *, ip="127.0.0.1", method="get"):
    request = getattr(RequestFactory(), method)(where)
    request.client_ip = ip
    return request


def fill(middleware, *, free=0):
    for _ in range(PLACES - free):
        assert middleware.limiter.acquire(STRANGER) is None
    return middleware


def shed(reason="full"):
    return REGISTRY.get_sample_value("http_requests_shed_total", {"reason": reason}) or 0


def gauge(name):
    return REGISTRY.get_sample_value(name)


def test_a_place_is_given_back_with_the_answer():
    middleware = shedding()

    assert [middleware(ask()).status_code for _ in range(3 * PLACES)] == [200] * 3 * PLACES
    assert middleware.limiter.in_flight == 0


def test_without_a_place_the_answer_is_a_503_that_says_when_to_come_again():
    answer = fill(shedding())(ask())

    assert answer.status_code == 503
    assert answer["Retry-After"] == "1"
    error = json.loads(answer.content)["error"]
    assert (error["code"], error["details"]) == ("SERVICE_UNAVAILABLE", {"retry_after_seconds": 1})


def test_a_refused_request_takes_no_place_and_never_reaches_the_view():
    middleware = fill(shedding(leaving))

    for _ in range(3):
        assert middleware(ask()).status_code == 503

    assert middleware.limiter.in_flight == PLACES


def test_a_burst_waits_for_its_places(places, monkeypatch):
    places(1)
    monkeypatch.setattr(module, "MOMENT_SECONDS", 30)
    entered, done = threading.Event(), threading.Event()

    def view(request):
        entered.set()
        done.wait(30)
        return plain(request)

    middleware = shedding(view)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(middleware, ask())
        entered.wait(30)
        second = pool.submit(middleware, ask())
        while not middleware.limiter._waiting and not second.done():
            time.sleep(0.001)
        done.set()

    assert [first.result().status_code, second.result().status_code] == [200, 200]


@pytest.mark.parametrize("where", ["/livez", "/readyz", "/health/", "/metrics"])
def test_probes_and_metrics_always_pass(where):
    middleware = fill(shedding())

    assert middleware(ask(where)).status_code == 200
    assert middleware.limiter.in_flight == PLACES


def test_priority_gets_the_place_that_is_kept_for_it():
    middleware = fill(shedding())
    assert middleware(ask("/paying/")).status_code == 503

    middleware.limiter.release(STRANGER)

    assert middleware(ask("/plain/")).status_code == 503
    assert middleware(ask("/paying/")).status_code == 200


def test_urls_are_not_resolved_while_there_are_places(settings):
    settings.ROOT_URLCONF = "there.is.no.such.module"

    assert shedding()(ask()).status_code == 200
    with pytest.raises(ModuleNotFoundError):
        fill(shedding()).refuse(ask())


def test_a_client_with_its_share_is_refused_while_another_one_is_not(places):
    places(share=0.5)
    middleware = shedding()
    middleware(ask(ip="203.0.113.1"))
    fill(middleware, free=2)
    before = shed("client")

    assert middleware(ask(ip="203.0.113.1")).status_code == 200
    assert middleware(ask(ip=STRANGER)).status_code == 503
    assert shed("client") == before + 1


def test_a_stream_keeps_its_place_until_it_is_read():
    middleware = shedding(stream)

    answer = middleware(ask())
    assert middleware.limiter.in_flight == 1
    assert b"".join(answer.streaming_content) == b"ab"

    assert middleware.limiter.in_flight == 0


def test_a_stream_whose_client_left_gives_its_place_back():
    middleware = shedding(stream)

    answer = middleware(ask())
    next(answer.streaming_content)
    answer.close()

    assert middleware.limiter.in_flight == 0


def test_an_abandoned_request_gives_its_place_back():
    middleware, before = shedding(leaving), gauge("http_requests_in_flight")

    for where in ("/plain/", "/livez"):
        with pytest.raises(KeyboardInterrupt):
            middleware(ask(where))

    assert middleware.limiter.in_flight == 0
    assert gauge("http_requests_in_flight") == before


def test_a_cancelled_request_gives_its_place_back():
    async def cancelled(request):
        raise asyncio.CancelledError

    middleware = shedding(cancelled)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(middleware(ask()))
    assert middleware.limiter.in_flight == 0


def test_what_streams_and_what_fails_at_once_tells_nothing_about_the_latency():
    middleware = shedding(stream)
    middleware(ask()).close()
    middleware.get_response = middleware.after = lambda _: HttpResponse(status=404)
    middleware(ask())

    assert middleware.limiter._samples == 0


def test_routes_are_told_apart_by_method():
    middleware = shedding()
    middleware(ask())
    middleware(ask(method="post"))

    assert list(middleware.limiter._routes) == [("GET", "<unmatched>"), ("POST", "<unmatched>")]


def test_in_the_whole_order_a_refusal_looks_like_every_other_answer(client, places, captured_logs):
    places(1)
    logging.getLogger("quintet.access").setLevel(logging.INFO)
    labels = {"method": "GET", "endpoint": "<unmatched>", "status": "503"}
    before = REGISTRY.get_sample_value("http_requests_total", labels) or 0
    held = client.get("/stream/")

    answer = client.get("/plain/", headers={"X-Correlation-ID": "mine"})
    alive = client.get("/livez")
    held.close()

    assert (answer.status_code, alive.status_code) == (503, 200)
    assert answer["X-Correlation-ID"] == answer.json()["error"]["correlation_id"] == "mine"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert REGISTRY.get_sample_value("http_requests_total", labels) == before + 1
    lines = [line for line in captured_logs if line.get("correlation_id") == "mine"]
    assert [(line["message"], line["error_code"]) for line in lines] == [
        ("request", "SERVICE_UNAVAILABLE")
    ]
    assert client.get("/plain/").status_code == 200


async def _two_at_once():
    client = AsyncClient()
    held = await client.get("/stream-later/")
    refused = await client.get("/plain/")
    async for _ in held.streaming_content:
        pass
    return refused.status_code, (await client.get("/plain/")).status_code


def test_the_async_door_has_the_same_places(places):
    places(1)

    assert asyncio.run(_two_at_once()) == (503, 200)


def test_the_gauges_say_what_is_in_flight_and_what_may_be():
    middleware, before = shedding(stream), gauge("http_requests_in_flight")
    answers = [middleware(ask()) for _ in range(3)]

    assert gauge("http_requests_in_flight") == before + 3
    assert gauge("http_in_flight_limit") == PLACES
    for answer in answers:
        answer.close()
    assert gauge("http_requests_in_flight") == before


def test_refusals_are_counted_by_their_reason():
    before = shed("full")

    fill(shedding())(ask())

    assert shed("full") == before + 1


def test_nothing_is_counted_when_metrics_are_off():
    metrics.Using.recorder = metrics.NullRecorder()
    before = shed("full"), gauge("http_requests_in_flight")
    middleware = shedding(stream)

    answer = middleware(ask())
    during = gauge("http_requests_in_flight")
    answer.close()
    fill(middleware)(ask())

    assert (shed("full"), during) == before


PROCESSES = """
import os, sys
import django
django.setup()
from django.http import HttpResponse
from django.test import RequestFactory
from quintet.middleware import shedding as module
from quintet.middleware.shedding import SheddingMiddleware
from quintet.telemetry import metrics

middleware = SheddingMiddleware(lambda request: HttpResponse())
done, done_by_child = os.pipe()
over_for_child, over = os.pipe()
children = []
for number in range(3):
    child = os.fork()
    if child == 0:
        os.close(over)
        middleware(RequestFactory().get("/"))
        middleware.refuse(RequestFactory().get("/"))
        middleware.enter(RequestFactory().get("/"))
        while middleware.refuse(RequestFactory().get("/")) is None:
            pass
        os.write(done_by_child, b"!")
        if number < 2:
            os.read(over_for_child, 1)
        os._exit(0)
    children.append(child)
    os.read(done, 1)
os.waitpid(children.pop(), 0)
sys.stdout.write(metrics.exposition()[0].decode())
os.close(over)
for child in children:
    os.waitpid(child, 0)
"""


def test_several_processes_are_added_up_and_those_that_ended_are_not(tmp_path):
    given = {
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "tests.project.settings",
        "DATABASE_URL": "sqlite://:memory:",
    }
    out = subprocess.run(
        [sys.executable, "-c", PROCESSES],
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    read = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(out)
        for sample in family.samples
    }

    assert read["http_requests_in_flight",] == 2
    assert read["http_in_flight_limit",] == 2 * PLACES
    assert read["http_requests_shed_total", "full"] == 3


def test_a_view_that_changes_the_address_gives_the_same_place_back():
    def view(request):
        request.client_ip = "203.0.113.9"
        return HttpResponse()

    middleware = SheddingMiddleware(view)

    middleware(RequestFactory().get("/"))

    assert middleware.limiter.in_flight == 0


def test_invented_methods_are_one_route():
    middleware = SheddingMiddleware(lambda _: HttpResponse())

    for number in range(300):
        middleware(RequestFactory().generic(f"M{number}", "/"))

    assert len(middleware.limiter._routes) == 1
