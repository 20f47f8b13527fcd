from __future__ import annotations

import pytest
import structlog
from asgiref.sync import async_to_sync
from django.test import AsyncClient

from quintet import context

pytestmark = pytest.mark.urls("tests.middleware.rooms")

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.mark.parametrize("url", ["/seen/", "/seen-later/"])
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"traceparent": TRACEPARENT, "X-Correlation-ID": "mine"}, TRACE),
        ({"X-Correlation-ID": "mine"}, "mine"),
    ],
)
def test_the_id_of_the_caller_is_continued(client, url, headers, expected):
    response = client.get(url, headers=headers)

    assert response["X-Correlation-ID"] == expected
    assert response.json() == {"id": expected, "own": expected, "ip": "127.0.0.1"}


@pytest.mark.parametrize("given", ["", "a" * 65, "with space", "line\u2028end", "<script>"])
def test_an_id_that_cannot_be_trusted_is_replaced(client, given):
    response = client.get("/seen/", headers={"X-Correlation-ID": given})

    assert len(response["X-Correlation-ID"]) == 32
    assert response["X-Correlation-ID"] == response.json()["id"]


def test_nothing_is_bound_after_a_request(client):
    client.get("/seen/")

    assert context.current() is None


def test_what_a_thread_had_bound_is_hidden_and_comes_back(client):
    with context.running(context.new()) as outer:
        inside = client.get("/seen/").json()["id"]

        assert inside != outer.correlation_id
        assert context.current() == outer


def test_nothing_is_bound_after_a_request_that_was_abandoned(client):
    with pytest.raises(KeyboardInterrupt):
        client.get("/leaving/")

    assert context.current() is None


def test_a_stream_runs_in_the_context_of_its_request(client):
    response = client.get("/stream/", headers={"X-Correlation-ID": "mine"})
    chunks = list(response.streaming_content)

    assert chunks == [b"mine", b"mine"]
    assert context.current() is None


def test_an_async_stream_runs_in_the_context_of_its_request():
    async def read():
        response = await AsyncClient().get("/stream-later/", headers={"X-Correlation-ID": "mine"})
        return [chunk async for chunk in response.streaming_content]

    assert async_to_sync(read)() == [b"mine", b"mine"]


def test_an_async_server_gets_the_same_answers():
    response = async_to_sync(AsyncClient().get)(
        "/seen-later/", headers={"traceparent": TRACEPARENT}
    )

    assert response.json()["id"] == response["X-Correlation-ID"] == TRACE


def test_what_a_view_bound_to_its_log_lines_does_not_reach_the_next_request(client):
    with structlog.contextvars.bound_contextvars(command="import"):
        first = client.get("/binding/7/").json()
        second = client.get("/binding/8/").json()
        afterwards = structlog.contextvars.get_contextvars()

    assert (first, second) == ({"met": {}}, {"met": {}})
    assert afterwards == {"command": "import"}
