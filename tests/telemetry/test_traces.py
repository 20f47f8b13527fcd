from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import sampling
from opentelemetry.trace import Status, StatusCode

from quintet import context
from quintet.context import Context
from quintet.settings import ServiceSettings
from quintet.telemetry import traces
from quintet.telemetry.logs import JSONFormatter
from quintet.telemetry.otel import OncePerTrace
from quintet.telemetry.spans import MOST_NOTES
from tests.telemetry.collector import tracing

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
SETTINGS = {"SERVICE_NAME": "shop", "SECRET_KEY": "a key for tests", "SERVICE_ENVIRONMENT": "test"}
SAMPLERS = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)


@pytest.fixture
def here():
    """A context that came from nowhere, as that of a command."""
    with context.running(context.new()) as bound:
        yield bound


def caller(*, sampled: bool) -> Context:
    return Context(correlation_id=TRACE, trace_id=TRACE, parent_id=PARENT, sampled=sampled)


def done(name: str) -> None:
    span = traces.begin(name, kind="internal")
    span.leave()
    span.end()


def test_a_part_is_below_what_it_is_a_part_of(collector, here):
    whole = traces.begin("whole", kind="server")
    with traces.span("part", kind="client") as part:
        part.describe({"size": 7})
    whole.leave()
    whole.end()

    outer, inner = collector.named("whole"), collector.named("part")
    assert (inner.parent_id, inner.trace_id) == (outer.span_id, outer.trace_id)
    assert (inner.kind, inner.attributes) == ("client", {"size": 7})
    assert outer.trace_id == here.correlation_id


def test_a_part_of_nothing_is_nothing(collector, here):
    with traces.span("part") as part:
        assert not part.recording

    assert collector.nothing()


def test_a_part_that_raises_has_failed_and_says_no_more_than_its_kind(collector, here):
    whole = traces.begin("whole", kind="server")
    with pytest.raises(ValueError, match="the secret"), traces.span("part"):
        raise ValueError("the secret is out")
    whole.leave()
    whole.end()

    part = collector.named("part")
    assert (part.failed, part.attributes, part.events) == (True, {"error.type": "ValueError"}, [])
    assert not collector.named("whole").failed


def test_the_service_is_named_in_what_it_sends(collector, here):
    done("work")

    resource = collector.span().resource
    assert resource["service.name"] == "shop"
    assert resource["service.version"] == "1.0.0"
    assert resource["deployment.environment.name"] == "test"


def test_outside_any_context_a_span_begins_a_trace(collector):
    with context.running(Context(correlation_id="unused")):
        pass
    span = traces.begin("work", kind="internal")
    with traces.span("part"):
        pass
    span.leave()
    span.end()

    assert collector.named("part").trace_id == collector.named("work").trace_id


def test_what_is_called_continues_from_the_span_that_runs(collector):
    with context.running(caller(sampled=True)):
        span = traces.begin("work", kind="server")
        sent = context.outgoing_headers()["traceparent"]
        span.leave()
        span.end()

    assert sent == f"00-{TRACE}-{collector.span().span_id}-01"


@pytest.mark.parametrize("sampler", ["always_off", "parentbased_always_off", "traceidratio"])
def test_what_is_called_is_told_that_this_service_does_not_record(sampler):
    environ = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": "0"}
    asked = caller(sampled=sampler.startswith("parentbased"))
    with tracing("http://127.0.0.1:9", **environ), context.running(caller(sampled=True)) as bound:
        span = traces.begin("work", kind="server")
        sent = context.outgoing_headers()["traceparent"]
        span.leave()
        span.end()

        assert context.current() is bound
    assert sent[-2:] == ("01" if asked.sampled else "00")


def test_a_line_of_the_log_names_the_span_that_is_recorded(collector, here):
    formatter = JSONFormatter(service="shop", version="1", environment="test")
    record = logging.makeLogRecord({"msg": "sold", "levelname": "INFO"})

    outside = json.loads(formatter.format(record))
    span = traces.begin("work", kind="server")
    inside = json.loads(formatter.format(record))
    span.leave()
    span.end()

    assert {"trace_id", "span_id"}.isdisjoint(outside)
    assert (inside["trace_id"], inside["span_id"]) == (here.trace_id, collector.span().span_id)


def test_spans_of_the_service_s_own_are_in_the_same_tree(collector, here):
    whole = traces.begin("whole", kind="server")
    with trace.get_tracer("shop").start_as_current_span("own"), traces.span("part"):
        trace.get_current_span().set_attribute("items", 3)
    whole.leave()
    whole.end()

    outer, own, part = (collector.named(name) for name in ("whole", "own", "part"))
    assert (own.parent_id, part.parent_id) == (outer.span_id, own.span_id)
    assert part.attributes == {"items": 3}


def test_spans_of_the_service_s_own_follow_the_decision_for_their_trace(collector):
    tracer = trace.get_tracer("shop")

    for sampled in (True, False):
        with context.running(caller(sampled=sampled)):
            tracer.start_span(f"sampled: {sampled}").end()

    assert collector.span().name == "sampled: True"


def test_a_provider_that_somebody_else_has_set_is_left_alone(collector, here):
    other = trace.NoOpTracerProvider()

    with tracing(collector.url, provider=other):
        done("work")
        found = trace.get_tracer_provider()
        arrived = collector.span()

    assert (arrived.name, found) == ("work", other)


def test_open_telemetry_finds_a_span_that_it_can_write_to(collector, here):
    whole = traces.begin("whole", kind="server")
    found = trace.get_current_span()
    found.update_name("renamed")
    found.set_attributes({"one": 1, "two": True})
    found.add_event("paid", {"sum": 7})
    found.add_link(found.get_span_context(), {"why": "itself"})
    found.record_exception(KeyError("lamp"), {"where": "shelf"})
    found.set_status(StatusCode.ERROR, "out of stock")
    running = found.is_recording()
    whole.leave()
    whole.end()

    span = collector.span()
    assert (span.name, span.failed) == ("renamed", True)
    assert span.attributes == {"one": 1, "two": True}
    assert [event["name"] for event in span.events] == ["paid", "exception"]
    assert (running, found.is_recording()) == (True, False)


def test_a_status_of_open_telemetry_is_taken_over(collector, here):
    whole = traces.begin("whole", kind="server")
    trace.get_current_span().set_status(Status(StatusCode.ERROR, "out of stock"))
    whole.leave()
    whole.end()
    whole.end()

    assert collector.span().failed


def test_what_one_span_keeps_is_bounded(collector, here):
    whole = traces.begin("whole", kind="server")
    found = trace.get_current_span()
    for number in range(2 * MOST_NOTES):
        found.set_attribute(f"n{number}", number)
        found.add_event("again")
        found.add_link(found.get_span_context())
    whole.leave()
    whole.end()

    span = collector.span()
    assert len(span.attributes) <= MOST_NOTES
    assert len(span.events) == MOST_NOTES


contexts = st.builds(
    Context,
    correlation_id=st.uuids(version=4).map(lambda made: made.hex),
    parent_id=st.sampled_from([None, PARENT]),
    sampled=st.booleans(),
)


@given(bound=contexts, sampler=st.sampled_from(SAMPLERS), share=st.sampled_from(["0", "0.5", "1"]))
def test_the_sampler_decides_as_that_of_the_sdk_does(bound, sampler, share):
    environ = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": share}
    ours = OncePerTrace(ServiceSettings.load(SETTINGS | environ))
    known = sampling._KNOWN_SAMPLERS[sampler]
    theirs = known if isinstance(known, sampling.Sampler) else known(float(share))
    trace_id = int(bound.trace_id, 16)
    parent = None
    if bound.parent_id is not None:
        flags = trace.TraceFlags(bound.sampled)
        remote = trace.SpanContext(trace_id, int(PARENT, 16), is_remote=True, trace_flags=flags)
        parent = trace.set_span_in_context(trace.NonRecordingSpan(remote))

    expected = theirs.should_sample(parent, trace_id, "work").decision

    assert ours.of(bound) == expected.is_sampled()
    assert ours.should_sample(parent, trace_id, "work").decision == expected
    with context.running(bound):
        assert ours.should_sample(None, trace_id, "work").decision.is_sampled() == ours.of(bound)


@pytest.mark.parametrize(
    ("environment", "given", "share"),
    [
        ("production", {}, 0.1),
        ("staging", {}, 0.1),
        ("development", {}, 1),
        ("test", {}, 1),
        ("development", {"OTEL_TRACES_SAMPLER_ARG": "0.25"}, 0.25),
        ("development", {"OTEL_TRACES_SAMPLER": "always_off"}, 0),
    ],
)
def test_the_share_is_a_tenth_where_somebody_pays_for_it(environment, given, share):
    key = "k3y-" + "abcdefghijklmnopqrstuvwxyz0123456789" * 2
    production = {"ALLOWED_HOSTS": "shop", "SECRET_KEY": key}
    env = ServiceSettings.load(SETTINGS | production | {"SERVICE_ENVIRONMENT": environment} | given)

    assert OncePerTrace(env).get_description() == f"OncePerTrace{{{share:g}}}"


def test_without_a_collector_a_span_is_nothing_at_all():
    with traces.whole("request") as span:
        span.describe({"size": 7})

    assert span is traces.NOTHING
    assert traces.flush(0)


def test_without_an_endpoint_nothing_of_open_telemetry_is_imported():
    script = (
        "import sys, django; django.setup();"
        "from django.test import Client; Client().get('/livez');"
        "from quintet.telemetry import traces;"
        "span = traces.begin('work', kind='server'); span.enter(); span.describe({}); span.fail();"
        "span.leave(); span.end(); assert traces.flush(1) and not traces.enabled();"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )

    said = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"DJANGO_SETTINGS_MODULE": "tests.project.settings", "LOG_LEVEL": "CRITICAL"},
    )

    assert said.stdout.strip() == "[]"


def test_a_package_that_is_missing_is_named_in_the_log(monkeypatch, captured_logs):
    monkeypatch.setattr(traces, "find_spec", lambda name: None)

    with tracing("http://127.0.0.1:9"):
        assert not traces.enabled()

    assert any(line.get("package") == "opentelemetry" for line in captured_logs)


def test_a_package_below_one_that_is_missing_is_missing(monkeypatch):
    def find(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(traces, "find_spec", find)

    assert traces.missing_package() == "opentelemetry"
