from __future__ import annotations

import pytest

from quintet import context
from quintet.clients import ServiceClient
from quintet.errors import ServiceException
from quintet.telemetry import traces


def test_a_call_is_a_span_and_the_parent_of_what_it_causes(users, collector):
    with traces.whole("request"):
        ServiceClient("users").get("/a/", {"token": "hunter2"})

    outer, call = collector.named("request"), collector.named("GET users")
    (asked,) = users.requests
    assert asked.headers["traceparent"] == f"00-{call.trace_id}-{call.span_id}-01"
    assert (call.parent_id, call.kind, call.failed) == (outer.span_id, "client", False)
    assert call.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": users.server_port,
        "url.full": f"{users.url}/a/",
        "peer.service": "users",
    }
    assert b"hunter2" not in b"".join(collector.bodies)


def test_a_call_that_is_answered_with_an_error_has_failed(users, collector):
    users.respond = lambda handler: handler.reply_json({"no": "envelope"}, status=503)
    with pytest.raises(ServiceException) as caught, traces.whole("request"):
        ServiceClient("users").get("/a/")

    call = collector.named("GET users")
    assert (call.failed, call.attributes["http.response.status_code"]) == (True, 503)
    assert call.attributes["error.type"] == caught.value.error_code


def test_a_call_that_nobody_answers_has_failed(configure, collector):
    configure(USERS_SERVICE_URL="http://127.0.0.1:9")
    with pytest.raises(ServiceException), traces.whole("request"):
        ServiceClient("users").get("/a/")

    call = collector.named("GET users")
    assert (call.failed, call.attributes["error.type"]) == (True, "SERVICE_UNAVAILABLE")
    assert "http.response.status_code" not in call.attributes


def test_a_call_of_a_request_that_is_not_recorded_says_so(users, collector):
    with context.running(context.new()) as here:
        ServiceClient("users").get("/a/")

    (asked,) = users.requests
    assert asked.headers["traceparent"].startswith(f"00-{here.trace_id}-")
    assert asked.headers["traceparent"].endswith("-00")
    assert collector.nothing()
