from __future__ import annotations

import asyncio
import logging

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client, RequestFactory

from quintet.middleware.access import AccessLogMiddleware

pytestmark = pytest.mark.urls("tests.middleware.rooms")


@pytest.fixture(autouse=True)
def audible():
    logging.getLogger("quintet.access").setLevel(logging.DEBUG)


@pytest.fixture
def lines(captured_logs):
    return lambda: [line for line in captured_logs if line["logger"] == "quintet.access"]


def test_a_request_is_one_line(client, lines):
    response = client.get("/raw/lamp/?token=secret", headers={"X-Correlation-ID": "mine"})

    (line,) = lines()
    assert (
        line.items()
        >= {
            "message": "request",
            "level": "INFO",
            "correlation_id": "mine",
            "method": "GET",
            "route": "/raw/<str:name>/",
            "path": "/raw/lamp/",
            "status": 200,
            "bytes": len(response.content),
            "client_ip": "127.0.0.1",
        }.items()
    )
    assert line["duration_ms"] >= 0


@pytest.mark.parametrize("path", ["/raw/lamp/", "/nowhere"])
def test_a_whole_body_is_announced_with_its_length(client, path):
    response = client.get(path)

    assert response.headers["Content-Length"] == str(len(response.content))


def test_a_stream_and_an_answer_without_a_body_announce_no_length(client):
    assert "Content-Length" not in client.get("/stream/").headers
    assert "Content-Length" not in client.get("/nothing/").headers


def test_a_query_string_is_not_logged(client, lines):
    client.get("/seen/?token=hunter2&email=ada@example.com")

    assert "hunter2" not in str(lines())
    assert "ada" not in str(lines())


def test_a_hostile_path_is_one_line_all_the_same(client, lines):
    client.get('/x%0a{"level":"CRITICAL"}%1b[31m%e2%80%a8/')

    (line,) = lines()
    assert line["level"] == "INFO"
    assert line["route"] == "<unmatched>"


def test_an_error_is_logged_with_its_code(client, lines):
    client.get("/nowhere")

    assert [(line["status"], line["error_code"]) for line in lines()] == [(404, "NOT_FOUND")]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
@pytest.mark.django_db(transaction=True)
def test_a_probe_is_not_worth_a_line_at_info(client, lines, path):
    client.get(path)

    assert [line["level"] for line in lines()] == ["DEBUG"]


def test_a_failure_is_a_warning(lines):
    Client(raise_request_exception=False).get("/broken/", headers={"Host": "x"})
    respond = AccessLogMiddleware(lambda _: _answer(500))

    respond(_request())

    assert lines()[-1]["level"] == "WARNING"


def test_a_stream_is_logged_when_its_last_byte_is_out(client, lines):
    response = client.get("/stream/", headers={"X-Correlation-ID": "mine"})
    before = lines()
    list(response.streaming_content)

    (line,) = lines()
    assert before == []
    assert (line["bytes"], line["streamed"], line["correlation_id"]) == (8, True, "mine")


def test_a_stream_that_breaks_is_logged_with_what_was_sent(client, lines):
    response = client.get("/broken-stream/")
    with pytest.raises(ConnectionError):
        list(response.streaming_content)

    assert [line["bytes"] for line in lines()] == [4]


def test_what_broke_a_stream_is_logged_under_the_id_of_its_request(client, lines):
    response = client.get("/broken-stream/", headers={"X-Correlation-ID": "mine"})
    with pytest.raises(ConnectionError):
        list(response.streaming_content)

    (line,) = lines()
    assert (line["level"], line["broken"]) == ("ERROR", "ConnectionError")
    assert line["correlation_id"] == "mine"
    assert "the source is gone" in line["exception"]


@pytest.mark.django_db
def test_a_stream_that_nobody_reads_is_logged_when_it_is_closed(client, lines):
    client.get("/file/").close()

    assert [line["bytes"] for line in lines()] == [0]


def test_an_async_stream_is_logged_at_its_end(lines):
    async def read():
        response = await AsyncClient().get("/stream-later/", headers={"X-Correlation-ID": "mine"})
        return [chunk async for chunk in response.streaming_content]

    async_to_sync(read)()

    assert [line["bytes"] for line in lines()] == [8]


def test_a_request_that_nobody_waits_for_is_logged_as_abandoned(lines):
    async def hang(request):
        await asyncio.Event().wait()

    async def give_up():
        waiting = asyncio.ensure_future(AccessLogMiddleware(hang)(_request()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    async_to_sync(give_up)()

    assert [line["status"] for line in lines()] == [499]


def _request():
    return RequestFactory().get("/somewhere/")


def _answer(status):
    from django.http import HttpResponse

    return HttpResponse(status=status)
