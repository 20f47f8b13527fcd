from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import MiddlewareNotUsed
from django.test import AsyncClient

from quintet import context
from quintet.middleware.traces import TracesMiddleware
from quintet.telemetry import traces

pytestmark = pytest.mark.urls("tests.middleware.rooms")

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
ASKED = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
REFUSED = {"traceparent": f"00-{TRACE}-{PARENT}-00"}


@pytest.mark.parametrize("url", ["/seen/", "/seen-later/"])
def test_a_request_is_a_span_of_its_method_and_route(client, collector, url):
    client.get(url)

    span = collector.span()
    assert (span.name, span.kind, span.failed) == (f"GET {url}", "server", False)
    assert span.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": url,
        "url.scheme": "http",
        "url.path": url,
        "client.address": "127.0.0.1",
    }


def test_an_async_server_traces_the_same(collector):
    async_to_sync(AsyncClient().get)("/seen-later/", headers=ASKED)

    span = collector.span()
    assert (span.name, span.trace_id, span.parent_id) == ("GET /seen-later/", TRACE, PARENT)


def test_the_trace_of_the_caller_is_continued(client, collector):
    client.get("/seen/", headers={**ASKED, "tracestate": "foo=1"})

    span = collector.span()
    assert (span.trace_id, span.parent_id, span.state) == (TRACE, PARENT, "foo=1")


def test_a_trace_that_begins_here_is_named_by_the_correlation_id(client, collector):
    response = client.get("/seen/")

    span = collector.span()
    assert (span.trace_id, span.parent_id) == (response["X-Correlation-ID"], "")


def test_a_correlation_id_that_is_no_trace_id_is_traced_under_its_digest(client, collector):
    response = client.get("/seen/", headers={"X-Correlation-ID": "order-7"})

    assert response["X-Correlation-ID"] == "order-7"
    assert collector.span().trace_id == context.trace_id_of("order-7")


def test_a_caller_that_does_not_record_is_not_recorded(client, collector):
    client.get("/seen/", headers=REFUSED)

    assert collector.nothing()


def test_a_probe_is_not_traced(client, collector):
    for probe in ("/livez", "/readyz", "/metrics"):
        client.get(probe, headers=ASKED)

    assert collector.nothing()


def test_unknown_urls_have_one_name(client, collector):
    client.get("/made/up/7")

    span = collector.span()
    assert (span.name, span.attributes["url.path"]) == ("GET", "/made/up/7")
    assert "http.route" not in span.attributes


def test_a_method_that_nobody_knows_is_not_written_down(client, collector):
    client.generic("BREW", "/nowhere")

    span = collector.span()
    assert (span.name, span.attributes["http.request.method"]) == ("HTTP", "_OTHER")


def test_a_refused_request_is_no_failure_of_the_service(client, collector):
    client.get("/echo/")

    span = collector.span()
    assert (span.attributes["http.response.status_code"], span.failed) == (405, False)
    assert "error.type" not in span.attributes


@pytest.mark.parametrize("url", ["/failing/", "/failing-plainly/"])
def test_a_failure_is_marked_with_its_code_and_tells_the_exception(client, collector, url):
    client.raise_request_exception = False

    client.get(url)

    span = collector.span()
    assert (span.failed, span.attributes["error.type"]) == (True, "INTERNAL_ERROR")
    (event,) = span.events
    assert (event["name"], event["exception.type"]) == ("exception", "builtins.ZeroDivisionError")
    assert "in failing" in event["exception.stacktrace"]


def test_no_secret_that_a_request_brings_leaves_in_a_span(client, collector):
    client.raise_request_exception = False
    token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJl"

    client.post(
        f"/telling/jane.roe@example.com/4111111111111111/{token}/?password=hunter2&q=plain",
        data={"secret": "hunter2"},
        headers={"X-Api-Key": token, "Cookie": "session=hunter2", **ASKED},
    )

    span, sent = collector.span(), b"".join(collector.bodies)
    for secret in ("jane.roe", "4111111111111111", token, "hunter2", "plain"):
        assert secret.encode() not in sent
    assert span.attributes["url.path"].startswith("/telling/********@example.com/********/")
    assert span.events[0]["exception.message"].startswith("cannot log in: password=********")


def test_a_stream_is_timed_to_its_end(client, collector):
    response = client.get("/stream/")
    before = collector.nothing()
    list(response.streaming_content)
    response.close()

    assert before
    assert collector.span().name == "GET /stream/"


def test_what_a_stream_does_is_a_part_of_its_request(client, collector):
    list(client.get("/spanning-stream/").streaming_content)

    outer, inner = collector.named("GET /spanning-stream/"), collector.named("a chunk")
    assert inner.parent_id == outer.span_id


def test_a_stream_that_breaks_is_a_failure(client, collector):
    with pytest.raises(ConnectionError):
        list(client.get("/broken-stream/").streaming_content)

    span = collector.span()
    assert (span.failed, span.attributes["error.type"]) == (True, "ConnectionError")


def test_a_request_that_nobody_waits_for_is_ended(client, collector):
    with pytest.raises(KeyboardInterrupt):
        client.get("/leaving/")

    assert collector.span().attributes["http.response.status_code"] == 499
    assert traces.current() is traces.NOTHING


def test_an_abandoned_probe_ends_nothing(collector):
    TracesMiddleware(lambda request: None).abandon(None, None)

    assert collector.nothing()


@pytest.mark.parametrize("headers", [ASKED, REFUSED, {}])
def test_nothing_is_current_after_a_request(client, collector, headers):
    client.get("/seen/", headers=headers)

    assert traces.current() is traces.NOTHING
    assert context.current() is None


def test_without_a_collector_it_is_not_even_loaded():
    with pytest.raises(MiddlewareNotUsed):
        TracesMiddleware(lambda request: None)
