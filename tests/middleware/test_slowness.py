from __future__ import annotations

import asyncio
import threading

import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.http import HttpResponse, StreamingHttpResponse
from django.test import override_settings

from quintet import conf
from quintet.database import tally
from quintet.lifecycle import monitor
from quintet.lifecycle.monitor import Monitor
from quintet.middleware import flights, slowness
from quintet.middleware.buffer import BufferMiddleware
from quintet.middleware.flights import FlightsMiddleware
from quintet.middleware.queries import QueriesMiddleware
from quintet.middleware.slowness import Watchdog
from quintet.telemetry import spent

PATIENCE_SECONDS = 30


@pytest.fixture(autouse=True)
def nothing_in_flight():
    flights._in_flight.clear()


@pytest.fixture
def slow_after(monkeypatch):
    """Settings by which a request is slow after so many seconds."""

    def settings(seconds):
        monkeypatch.setenv("SLOW_REQUEST_SECONDS", str(seconds))
        return override_settings(QUINTET=type(conf.current()).load())

    return settings


@pytest.fixture
def watchdog():
    """One for which everything takes too long."""
    return Watchdog(0.0, flights._in_flight)


def said(captured_logs, message):
    return [line for line in captured_logs if line["message"] == message]


def test_a_request_that_took_long_is_said_with_what_it_waited_for(rf, slow_after, captured_logs):
    def view(_):
        tally.current().add("SELECT 1", 0.5)
        spent.on_call(0.25)
        spent.on_call(1.5)
        return HttpResponse(status=204)

    with slow_after(0.000001):
        FlightsMiddleware(BufferMiddleware(QueriesMiddleware(view)))(rf.get("/"))

    (line,) = said(captured_logs, "slow request")
    assert (line["level"], line["route"], line["status"]) == ("WARNING", "<unmatched>", 204)
    assert (line["queries"], line["query_ms"]) == (1, 500.0)
    assert (line["calls"], line["call_ms"]) == (2, 1750.0)
    assert line["duration_ms"] >= 0


@pytest.mark.parametrize("seconds", [1000, 0])
def test_one_that_is_quick_enough_is_not(rf, slow_after, captured_logs, seconds):
    with slow_after(seconds):
        FlightsMiddleware(lambda _: HttpResponse())(rf.get("/"))

    assert captured_logs == []


def hang_here(entered, leaves):
    entered.set()
    leaves.wait(PATIENCE_SECONDS)
    return HttpResponse()


def test_one_that_hangs_shows_once_where(rf, slow_after, watchdog, captured_logs):
    entered, leaves = threading.Event(), threading.Event()
    request = rf.get("/")
    request.correlation_id = "asked-and-hung"
    with slow_after(1000):
        hanging = FlightsMiddleware(lambda _: hang_here(entered, leaves))
    worker = threading.Thread(target=hanging, args=(request,))
    worker.start()
    assert entered.wait(PATIENCE_SECONDS)

    watchdog.look()
    watchdog.look()

    leaves.set()
    worker.join()
    (line,) = said(captured_logs, "request still running")
    assert line["correlation_id"] == "asked-and-hung"
    assert any("in hang_here" in place for place in line["stack"])
    assert "threading.py" in line["stack"][-1]


def test_one_that_is_over_meanwhile_is_not_shown_with_the_stack_of_another(
    rf, slow_after, watchdog, captured_logs, monkeypatch
):
    def view(request):
        flights._land(request)
        watchdog.look()
        return HttpResponse()

    flight = []
    monkeypatch.setattr(slowness.stacks, "of_thread", lambda _: flights._land(flight[0]) or [])

    def ending(request):
        flight.append(request)
        watchdog.look()
        return HttpResponse()

    with slow_after(1000):
        FlightsMiddleware(view)(rf.get("/"))
        FlightsMiddleware(ending)(rf.get("/"))

    assert captured_logs == []


def test_one_that_began_just_now_is_not_shown(rf, slow_after, captured_logs):
    def view(_):
        Watchdog(1000, flights._in_flight).look()
        return HttpResponse()

    with slow_after(1000):
        FlightsMiddleware(view)(rf.get("/"))

    assert captured_logs == []


def test_a_stream_may_take_as_long_as_its_reader_likes(rf, slow_after, watchdog, captured_logs):
    with slow_after(1000):
        response = FlightsMiddleware(lambda _: StreamingHttpResponse([b"a", b"b"]))(rf.get("/"))
    watchdog.look()
    list(response.streaming_content)

    assert captured_logs == []


async def deeper(entered, leaves):
    entered.set()
    await leaves.wait()


def test_a_task_that_hangs_shows_what_it_waits_for(async_rf, slow_after, watchdog, captured_logs):
    async def asked():
        entered, leaves = asyncio.Event(), asyncio.Event()

        async def view(_):
            await deeper(entered, leaves)
            return HttpResponse()

        with slow_after(1000):
            asking = asyncio.create_task(FlightsMiddleware(view)(async_rf.get("/")))
        await entered.wait()
        watchdog.look()
        leaves.set()
        await asking

    asyncio.run(asked())

    (line,) = said(captured_logs, "request still running")
    assert any("in deeper" in place for place in line["stack"])
    assert "locks.py" in line["stack"][-1]


def test_a_sync_view_that_hangs_behind_an_async_server_is_found_in_its_thread(
    async_rf, slow_after, watchdog, captured_logs
):
    entered, leaves = threading.Event(), threading.Event()

    async def asked():
        async def view(_):
            async with ThreadSensitiveContext():  # as Django's handler has it
                return await sync_to_async(hang_here)(entered, leaves)

        with slow_after(1000):
            asking = asyncio.create_task(FlightsMiddleware(view)(async_rf.get("/")))
        assert await asyncio.to_thread(entered.wait, PATIENCE_SECONDS)
        watchdog.look()
        leaves.set()
        await asking

    asyncio.run(asked())

    (line,) = said(captured_logs, "request still running")
    assert any("in hang_here" in place for place in line["stack"])


@pytest.mark.parametrize(("seconds", "pause"), [(0.01, 0.05), (0.4, 0.2), (60, 0.5)])
def test_the_monitor_looks_in_time(monkeypatch, seconds, pause):
    monkeypatch.setattr(monitor, "current", watching := Monitor())

    slowness.watch(seconds, {})
    watching._tasks[slowness.TASK].run()

    assert watching._tasks[slowness.TASK].seconds == pause


def test_where_nothing_counts_as_slow_nobody_looks(monkeypatch):
    monkeypatch.setattr(monitor, "current", watching := Monitor())

    slowness.watch(float("inf"), {})

    assert watching._tasks == {}


def test_what_took_long_and_waited_for_nothing_says_just_that(rf, slow_after, captured_logs):
    with slow_after(0.000001):
        FlightsMiddleware(lambda _: HttpResponse())(rf.get("/"))

    (line,) = said(captured_logs, "slow request")
    assert {"queries", "calls"}.isdisjoint(line)


def test_one_that_is_told_of_is_forgotten_with_its_end(rf, slow_after, watchdog):
    def view(_):
        watchdog.look()
        return HttpResponse()

    with slow_after(1000):
        FlightsMiddleware(view)(rf.get("/"))
    watchdog.look()

    assert watchdog._told == set()
