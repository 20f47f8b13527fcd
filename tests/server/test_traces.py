from __future__ import annotations

import re
import socket

import pytest

from quintet.clients import ServiceClient
from quintet.telemetry import traces
from tests.project.settings import ProjectSettings
from tests.server.running import PATIENCE_SECONDS, Shop
from tests.telemetry.collector import Collector

TRACE = "12345678901234567890123456789012"
PARENT = "1234567890123456"


@pytest.fixture
def served(tmp_path):
    """Makes a shop with two workers that trace to a URL, and stops it with the test."""
    made = []

    def serve(url: str) -> Shop:
        made.append(
            Shop(
                tmp_path / "log",
                WEB_WORKERS="2",
                OTEL_EXPORTER_OTLP_ENDPOINT=url,
                DRAIN_SECONDS="0",
            )
        )
        made[-1].wait_until(made[-1].answers)
        return made[-1]

    yield serve
    for shop in made:
        shop.stop()


def asked_twice(shop: Shop, *lines: str) -> str:
    """Send header lines as they are; give the correlation id of the answer."""
    head = "\r\n".join(["GET /worker/ HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *lines])
    with socket.create_connection(("127.0.0.1", shop.port), timeout=PATIENCE_SECONDS) as raw:
        raw.sendall(f"{head}\r\n\r\n".encode())
        answer = raw.makefile("rb").read().decode()
    return re.search("(?i)^x-correlation-id: (.*)\r$", answer, re.MULTILINE)[1]


def test_the_spans_of_every_worker_arrive(served, collector):
    shop, asked, pids = served(collector.url), 1, set()
    while len(pids) < 2:
        pids.add(shop.pid())
        asked += 1

    assert shop.stop() == 0

    spans = collector.spans(asked)
    assert {span.name for span in spans} == {"GET /worker/"}
    assert len(spans) == asked
    assert {span.resource["service.name"] for span in spans} == {"shop"}
    assert len({span.resource["service.instance.id"] for span in spans}) == 2


def test_a_call_is_the_parent_of_what_the_other_service_does(served, collector, settings):
    shop = served(collector.url)
    settings.QUINTET = ProjectSettings.load(
        {
            "SECRET_KEY": "a key for tests",
            "SERVICE_ENVIRONMENT": "test",
            "USERS_SERVICE_URL": f"http://127.0.0.1:{shop.port}",
        }
    )
    with traces.whole("request"):
        ServiceClient("users").get("/worker/")
    shop.stop()

    request, call = collector.named("request"), collector.named("GET users")
    (answered,) = [span for span in collector.spans(4) if span.parent_id == call.span_id]
    assert (answered.name, answered.kind) == ("GET /worker/", "server")
    assert answered.trace_id == call.trace_id == request.trace_id


def test_header_lines_are_joined_as_the_rules_want_it(served, collector):
    shop = served(collector.url)
    parent = f"traceparent: 00-{TRACE}-{PARENT}-01"

    continued = asked_twice(shop, parent, "TraceState: foo=1", "tracestate:", "tracestate: bar=2")
    restarted = asked_twice(shop, parent, parent, "tracestate: foo=1")
    shop.stop()

    states = {span.trace_id: span.state for span in collector.spans(3)}
    assert (continued, states[continued]) == (TRACE, "foo=1,bar=2")
    assert restarted != TRACE
    assert states[restarted] == ""


def test_a_caller_that_does_not_record_is_not_recorded_by_a_server(served, collector):
    shop = served(collector.url)
    asked_twice(shop, f"traceparent: 00-{TRACE}-{PARENT}-00")
    shop.stop()

    assert TRACE not in {span.trace_id for span in collector.spans()}


def test_a_collector_that_is_away_hurts_nobody_and_is_one_line(served):
    closed = Collector()
    closed.close()
    shop = served(closed.url)

    answers = {shop.get("/worker/")[0] for _ in range(20)}
    workers = len(shop.workers())
    code = shop.stop()

    lines = shop.log.read_text()
    assert (answers, code) == ({200}, 0)
    assert lines.count('"spans do not get through"') <= workers
    assert '"ERROR"' not in lines
    assert "opentelemetry" not in lines
