from __future__ import annotations

import asyncio

import pytest
from django.http import HttpResponse, StreamingHttpResponse

from quintet.lifecycle import phase
from quintet.middleware import flights
from quintet.middleware.flights import FlightsMiddleware, in_flight


@pytest.fixture(autouse=True)
def nothing_in_flight():
    """Other tests leave streams that nobody read to their end."""
    flights._in_flight.clear()


@pytest.fixture
def draining():
    phase.begin_draining()
    yield
    phase.begin_serving()


def test_a_request_is_in_flight_until_it_is_answered(rf):
    seen = []

    def view(request):
        seen.append(in_flight())
        return HttpResponse()

    request = rf.get("/")
    FlightsMiddleware(view)(request)

    assert seen == [[request]]
    assert in_flight() == []


def test_a_stream_is_in_flight_until_its_last_byte(rf):
    request = rf.get("/")
    response = FlightsMiddleware(lambda _: StreamingHttpResponse([b"a", b"b"]))(request)

    stream = iter(response.streaming_content)
    next(stream)
    assert in_flight() == [request]

    assert list(stream) == [b"b"]
    assert in_flight() == []


def test_a_request_that_nobody_waits_for_is_forgotten(rf):
    def view(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FlightsMiddleware(view)(rf.get("/"))

    assert in_flight() == []


async def _answered(_):
    await asyncio.sleep(0)
    return HttpResponse()


@pytest.mark.parametrize(("version", "written"), [("1.1", "close"), ("2", None)])
def test_a_draining_service_closes_its_connections_under_asgi(async_rf, draining, version, written):
    request = async_rf.get("/", http_version=version)
    request.scope["http_version"] = version

    response = asyncio.run(FlightsMiddleware(_answered)(request))

    assert response.get("Connection") == written


def test_a_serving_service_keeps_them(async_rf):
    response = asyncio.run(FlightsMiddleware(_answered)(async_rf.get("/")))

    assert "Connection" not in response


def test_under_wsgi_the_header_is_left_to_the_server(rf, draining):
    response = FlightsMiddleware(lambda _: HttpResponse())(rf.get("/"))

    assert "Connection" not in response


def test_a_request_that_is_cut_is_named_under_its_own_id(rf, captured_logs):
    request = rf.get("/orders/")
    request.correlation_id = "asked-before-the-end"
    flights._in_flight.update({request: (0.0, 1), rf.get("/early/"): (0.0, 1)})

    flights.cut(3)

    cut = {line["path"]: line for line in captured_logs if line["message"] == "request cut short"}
    assert cut["/orders/"]["correlation_id"] == "asked-before-the-end"
    assert (cut["/early/"]["route"], len(cut["/early/"]["correlation_id"])) == ("<unmatched>", 32)
    assert captured_logs[-1]["connections"] == 3
    assert phase.was_cut_short()
    phase.begin_serving()


class Watching:
    """A monitor that somebody has to start."""

    started = False

    def start(self):
        self.started = True


def test_the_first_request_of_a_process_starts_its_monitor(rf, monkeypatch):
    monkeypatch.setattr(flights, "_monitor", watching := Watching())

    middleware = FlightsMiddleware(lambda _: HttpResponse())
    assert not watching.started
    middleware(rf.get("/"))

    assert watching.started
