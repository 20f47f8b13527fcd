from __future__ import annotations

import asyncio
import time

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpResponse
from django.test import AsyncClient, RequestFactory

from quintet import conf
from quintet.middleware.deadline import DeadlineMiddleware
from quintet.resilience import deadline
from tests.middleware import clocks

pytestmark = pytest.mark.urls("tests.middleware.clocks")

DOORS = ["/left/", "/left-later/"]


def exceeded(stage):
    return deadline.EXCEEDED.labels(stage)._value.get()


def overrun():
    return deadline.OVERRUN._value.get()


@pytest.mark.parametrize("url", DOORS)
def test_a_request_has_the_time_of_the_settings(client, url):
    left = client.get(url).json()["left"]

    assert 9 < left <= conf.current().REQUEST_TIMEOUT_SECONDS == 10


@pytest.mark.parametrize("url", DOORS)
@pytest.mark.parametrize(("header", "longest"), [("4000", 4), ("60000", 10), ("soon", 10)])
def test_a_caller_may_only_shorten_it(client, url, header, longest):
    left = client.get(url, headers={"X-Request-Timeout-Ms": header}).json()["left"]

    assert longest - 1 < left <= longest


def test_an_async_server_gives_the_same_time():
    response = async_to_sync(AsyncClient().get)(
        "/left-later/", headers={"X-Request-Timeout-Ms": "4000"}
    )

    assert 3 < response.json()["left"] <= 4


def test_a_caller_who_has_given_up_is_not_worked_for(client):
    before = exceeded("request")

    response = client.get("/left/", headers={"X-Request-Timeout-Ms": "0"})

    assert response.status_code == 504
    assert response.json()["error"]["code"] == "DEADLINE_EXCEEDED"
    assert exceeded("request") == before + 1


@pytest.mark.parametrize("kind", ["patient", "patient-later", "patient-class", "patient-set"])
def test_a_view_may_have_more_time_of_its_own(client, kind):
    assert 59 < client.get(f"/{kind}/").json()["left"] <= 60


def test_a_view_may_have_less_time_of_its_own(client):
    assert 0 < client.get("/hasty/").json()["left"] <= 2


def test_more_time_is_never_more_than_the_caller_waits(client):
    left = client.get("/patient/", headers={"X-Request-Timeout-Ms": "20000"}).json()["left"]

    assert 19 < left <= 20


def test_the_time_of_a_view_reaches_what_runs_after_it_under_an_async_server():
    """Django runs a sync view of an async server in a thread, with a copy of the context."""

    response = async_to_sync(AsyncClient().get)("/patient-stream/")

    assert all(59 < float(chunk) <= 60 for chunk in response.streaming_content)


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_view_without_time_is_a_mistake(seconds):
    with pytest.raises(ValueError, match="more than 0 seconds"):
        clocks.timeout(seconds)


def test_without_the_middleware_a_timeout_binds_nothing():
    clocks.patient(RequestFactory().get("/"))

    assert deadline.ends_at() is None


def test_a_stage_that_finds_the_time_over_is_answered_with_504(client):
    before = exceeded("reading"), exceeded("answer")

    response = client.get("/over/")

    assert (response.status_code, response.json()["error"]["code"]) == (504, "DEADLINE_EXCEEDED")
    assert (exceeded("reading"), exceeded("answer")) == (before[0] + 1, before[1])


def test_an_answer_that_comes_too_late_is_sent_and_counted(client):
    before = exceeded("answer"), overrun()

    response = client.get("/late/")

    assert response.status_code == 200
    assert exceeded("answer") == before[0] + 1
    assert overrun() - before[1] >= clocks.LATE_SECONDS


def test_an_answer_in_time_is_not_counted(client):
    before = exceeded("answer"), overrun()

    client.get("/left/")

    assert (exceeded("answer"), overrun()) == before


def test_a_stream_has_the_deadline_at_every_step(client):
    chunks = list(client.get("/stream/").streaming_content)

    assert len(chunks) == 2
    assert all(9 < float(chunk) <= 10 for chunk in chunks)
    assert deadline.ends_at() is None


@pytest.mark.parametrize(("url", "late"), [("/late-stream/", 1), ("/stopped-stream/", 0)])
def test_a_stream_that_ends_too_late_is_counted_once(client, url, late):
    before = exceeded("answer"), overrun()

    try:
        list(client.get(url).streaming_content)
    except deadline.DeadlineException:
        assert not late

    assert exceeded("answer") - before[0] == late
    assert overrun() > before[1]


def test_a_view_may_lift_the_deadline(client):
    assert client.get("/lifted/").json() == {"left": None}


@pytest.mark.parametrize("url", [*DOORS, "/patient/", "/stream/"])
def test_nothing_is_bound_after_a_request(client, url):
    outer = time.monotonic() + 77
    with deadline.running(outer):
        client.get(url)

        assert deadline.ends_at() == outer
    assert deadline.ends_at() is None


def test_nothing_is_bound_after_a_request_that_was_abandoned(client):
    with pytest.raises(KeyboardInterrupt):
        client.get("/leaving/")

    assert deadline.ends_at() is None


def test_without_a_timeout_the_middleware_is_not_there(settings):
    settings.QUINTET = type(conf.current()).load(environ=clocks.environment(timeout="0"))

    with pytest.raises(MiddlewareNotUsed):
        DeadlineMiddleware(lambda _: HttpResponse())


def test_the_async_door_binds_in_the_task_that_answers():
    async def answer(request):
        await asyncio.sleep(0)
        return HttpResponse(str(deadline.remaining()))

    middleware = DeadlineMiddleware(answer)
    response = asyncio.run(middleware(RequestFactory().get("/")))

    assert 9 < float(response.content) <= 10
