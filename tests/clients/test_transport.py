from __future__ import annotations

import pytest

from quintet import wire
from quintet.clients import PooledTransport, RecordingTransport, ServiceClient, use_transport
from quintet.clients.transport import current_transport
from quintet.errors import DeadlineException, NotFoundException, UnavailableException, envelope
from quintet.testing.downstream import Downstream

MISSING = envelope(NotFoundException("gone"), correlation_id="c", service="users", timestamp="t")


def respond(handler):
    if handler.path.startswith("/echo/"):
        handler.reply_json({"method": handler.command, "body": handler.body.decode()}, 201)
    elif handler.path == "/nothing/":
        handler.reply(204)
    else:
        handler.reply_json(MISSING, 404)


def played():
    downstream = Downstream()
    downstream.fail("users", "GET", "/missing/", error=NotFoundException("gone"), status=404)
    downstream.answer("users", "GET", "/nothing/")
    downstream.answer(
        "users",
        "POST",
        "/echo/{word}/",
        json=lambda call: {"method": call.method, "body": (call.body or b"").decode()},
        status=201,
    )
    return downstream


@pytest.fixture(params=["pooled", "downstream", "recording"])
def transport(request, users):
    users.respond = respond
    real = PooledTransport()
    return {
        "pooled": real,
        "downstream": played(),
        "recording": RecordingTransport(real),
    }[request.param]


@pytest.fixture
def send(transport, users):
    def send(method, target, body=None):
        request = wire.Request(
            service="users",
            method=method,
            base_url=users.url,
            target=target,
            body=body,
            timeout_seconds=5.0,
        )
        return transport.send(request)

    return send


def test_every_transport_returns_the_answer_to_a_request(send):
    answer = send("POST", "/echo/hello/?a=b", b"payload")

    assert answer.status == 201
    assert answer.body.replace(b" ", b"") == b'{"method":"POST","body":"payload"}'
    assert answer.headers["content-type"] == "application/json"


def test_every_transport_returns_a_failure_as_an_answer(send):
    answer = send("GET", "/missing/")

    assert (answer.status, b"NOT_FOUND" in answer.body) == (404, True)


def test_every_transport_returns_an_answer_without_a_body(send):
    answer = send("GET", "/nothing/")

    assert (answer.status, answer.body) == (204, b"")


def test_a_recording_transport_remembers_what_went_out_and_came_back(users):
    recording = RecordingTransport(PooledTransport())

    with use_transport(recording):
        ServiceClient("users").get("/a/")

    ((request, response),) = recording.exchanges
    assert (request.method, request.target, response.status) == ("GET", "/a/", 200)


def test_the_transport_before_is_back_after_the_block_also_after_an_error():
    before = current_transport()

    with pytest.raises(RuntimeError), use_transport(Downstream()):
        raise RuntimeError

    assert current_transport() is before


@pytest.mark.parametrize("error", [UnavailableException("down"), DeadlineException("late")])
def test_a_downstream_can_fail_to_answer(error):
    downstream = Downstream()
    downstream.refuse("users", "GET", "/a/", error=error)

    with use_transport(downstream), pytest.raises(type(error)):
        ServiceClient("users").get("/a/")
