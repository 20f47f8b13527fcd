from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from quintet import context
from quintet.telemetry import export, traces
from tests.telemetry.collector import Collector

SECRETS = {
    "password": "hunter2-horse",
    "bearer": "zDk3.a-very-long-opaque-token",
    "card": "4111 1111 1111 1111",
    "mail": "jane.roe@example.com",
    "token": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJl",
}
TOLD = (
    "postgresql://shop:hunter2-horse@db/shop password=hunter2-horse Bearer "
    "zDk3.a-very-long-opaque-token paid with 4111 1111 1111 1111 by jane.roe@example.com, "
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJl"
)


@pytest.fixture(autouse=True)
def here():
    with context.running(context.new()):
        yield


def done(name: str = "work") -> None:
    span = traces.begin(name, kind="internal")
    span.leave()
    span.end()


def dropped(reason: str) -> float:
    return export.DROPPED.labels(reason)._value.get()


def said(lines, *messages):
    return [line for line in lines if line["message"] in messages]


def test_an_outage_of_the_collector_is_two_lines_in_the_log(collector, captured_logs):
    lost = dropped("export failed")
    collector.status = 400
    for _ in range(3):
        done()
        traces.flush(30)
    collector.status = 200
    for _ in range(2):
        done()
        traces.flush(30)

    first, second = [
        line for line in captured_logs if "otel" in line["logger"] or "span" in str(line)
    ]
    assert first["message"] == "spans do not get through"
    assert "400" in first["reason"]
    assert (second["message"], second["lost"]) == ("spans get through again", 3)
    assert dropped("export failed") == lost + 3


def test_nobody_waits_for_a_collector_that_does_not_answer(collector):
    collector.letting.clear()
    done()

    waited = traces.flush(0.05)
    done("while it hangs")
    collector.letting.set()

    assert not waited
    assert len(collector.spans(2)) == 2


def test_a_queue_that_is_full_drops_and_counts(collector, monkeypatch):
    monkeypatch.setattr(export, "MOST_WAITING", 10)
    before = dropped("queue full")
    collector.letting.clear()
    done("taken out of the queue")
    traces.flush(0.05)

    for _ in range(15):
        done()
    collector.letting.set()

    assert len(collector.spans(11)) == 11
    assert dropped("queue full") == before + 5


def test_a_full_batch_leaves_without_being_told(collector, monkeypatch):
    monkeypatch.setattr(export, "DELAY_SECONDS", 3600)

    for _ in range(export.LARGEST_BATCH):
        done()

    deadline = time.monotonic() + 30
    while not collector.bodies:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_lonely_span_leaves_after_a_while(collector, monkeypatch):
    monkeypatch.setattr(export, "DELAY_SECONDS", 0.01)

    done()

    deadline = time.monotonic() + 30
    while not collector.bodies:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_exporter_that_raises_loses_a_batch_and_no_more(captured_logs):
    class Raising(SpanExporter):
        taken = 0

        def export(self, spans):
            self.taken += len(spans)
            raise ZeroDivisionError

    exporter = Raising()
    batches = export.Batches(exporter)
    for _ in range(2):
        batches.queue(lambda: None)
        batches.flush(30)
    batches.close()

    assert exporter.taken == 2
    assert len(said(captured_logs, "spans are lost")) == 2


def test_what_comes_after_the_end_is_dropped():
    before = dropped("queue full")
    batches = export.Batches(export.Reporting(Nowhere()))
    batches.close()

    batches.queue(lambda: None)

    assert batches.flush(0.001)
    assert dropped("queue full") == before + 1


class Nowhere(SpanExporter):
    def export(self, spans):
        return SpanExportResult.SUCCESS


def test_no_secret_leaves_in_a_span_whoever_made_it(collector):
    whole = traces.begin("whole", kind="server")
    whole.describe({"url.path": f"/reset/{TOLD}", "http.request.header.authorization": "plain"})
    whole.fail(error=ValueError(TOLD))
    own = trace.get_tracer("shop").start_span(f"own {TOLD}")
    own.set_attribute("url.full", f"https://shop/pay?code=plain-secret&{TOLD}")
    own.set_attribute("url.query", "code=plain-secret")
    own.set_attribute("lines", [TOLD, TOLD])
    own.add_event("told", {"all": TOLD})
    own.add_link(own.get_span_context(), {"why": TOLD})
    own.set_status(trace.StatusCode.ERROR, TOLD)
    own.end()
    whole.leave()
    whole.end()

    spans = collector.spans(2)
    sent = b"".join(collector.bodies)
    for secret in [*SECRETS.values(), "plain"]:
        assert secret.encode() not in sent
    assert {span.attributes.get("url.full") for span in spans} == {None, "https://shop/pay"}
    assert b"ValueError" in sent


def test_what_postgresql_repeats_of_a_row_does_not_leave(collector):
    error = RuntimeError(
        "duplicate key value\nDETAIL:  Key (pet)=(rex) exists.\nLINE 1: SELECT 'rex'\nHINT: none"
    )
    whole = traces.begin("whole", kind="server")
    whole.fail(error=error)
    whole.leave()
    whole.end()

    (event,) = collector.span().events
    assert "rex" not in str(event)
    assert "HINT: none" in event["exception.message"]


def test_whom_nobody_could_reach_is_not_waited_for_again_at_the_end(collector, monkeypatch):
    monkeypatch.setattr("quintet.telemetry.otel.AT_EXIT_SECONDS", 3600)
    collector.letting.clear()
    done()
    traces.flush(0.05)

    traces._Current.tracer._pipeline._at_exit()

    assert not collector.bodies


FORKING = """
import os, sys
from opentelemetry import trace
from quintet.settings import ServiceSettings
from quintet.telemetry import traces

def work(name):
    span = traces.begin(name, kind="internal")
    span.leave(); span.end()

traces.configure(ServiceSettings.load())
for name in sys.argv[1:]:
    work(name)
    traces.flush(30)
children = []
for number in range(2):
    pid = os.fork()
    if not pid:
        work(f"child {os.getpid()}")
        trace.get_tracer("shop").start_span(f"own {os.getpid()}", attributes={"own": True}).end()
        sys.exit(0 if traces.flush(30) else 1)
    children.append(pid)
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
print(*children, *codes)
"""


@pytest.mark.parametrize("before", [[], ["before the fork"]])
def test_the_spans_of_forked_processes_arrive(before):
    collector = Collector()
    environ = {
        "SERVICE_NAME": "shop",
        "SECRET_KEY": "a key for tests",
        "SERVICE_ENVIRONMENT": "test",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
    }
    kept = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}

    ran = subprocess.run(
        [sys.executable, "-c", FORKING, *before],
        env=kept | environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    first, second, *codes = ran.stdout.split()
    collector.close()
    assert codes == ["0", "0"]
    spans = collector.spans(4 + len(before))
    assert {span.name for span in spans} == {
        *before,
        *(f"{whose} {pid}" for whose in ("child", "own") for pid in (first, second)),
    }
    assert [span.attributes for span in spans if span.name.startswith("own")] == [{"own": True}] * 2


def test_a_process_that_ends_sends_what_waits():
    collector = Collector()
    script = FORKING.partition("for name")[0] + "work('last')"

    subprocess.run(
        [sys.executable, "-c", script],
        env={
            "SERVICE_NAME": "shop",
            "SECRET_KEY": "a key for tests",
            "SERVICE_ENVIRONMENT": "test",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        },
        check=True,
        timeout=60,
    )

    collector.close()
    assert collector.span().name == "last"
