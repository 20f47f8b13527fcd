"""The tracer that is OpenTelemetry: its data, its samplers by name, its exporter.

Only ``traces.configure`` imports this, and only where there is a collector. Whatever holds a
thread or a connection is made at the first recorded span of a process, since a server loads the
service once and forks its workers afterwards.
"""

from __future__ import annotations

import atexit
import os
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from quintet import context
from quintet.telemetry import traces
from quintet.telemetry.export import Batches, Reporting
from quintet.telemetry.spans import Declined, Recorded

if TYPE_CHECKING:
    from opentelemetry.context import Context as OpenTelemetryContext
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import SpanContext

    from quintet.settings import ServiceSettings

AT_EXIT_SECONDS = 2.0
UNPAID = frozenset({"development", "test"})
"""Where every new trace is recorded, unless a share is given."""

_SCOPE = InstrumentationScope("quintet")
_PARENT_BASED = "parentbased_"
_SHARES = {"always_on": 1.0, "always_off": 0.0}
_LIMIT = 1 << 64


class OpenTelemetryTracer:
    """Starts spans, and everything behind them with the first one of each process."""

    def __init__(self, env: ServiceSettings) -> None:
        self._env = env
        self._sampling = OncePerTrace(env)
        self._lock = threading.Lock()
        self._pipeline: _Pipeline | None = None
        self._provider = self._offered()
        _exporter(env)  # made once in vain: it imports late, and no request should wait for that
        _tracers.add(self)

    def start(
        self, name: str, *, kind: traces.Kind, caller: context.Context | None = None
    ) -> traces.Span:
        """Start a span: below the current one, or as the first of this process for ``caller``."""
        if caller is not None and not self._sampling.of(caller):
            return Declined(caller) if caller.sampled else traces.NOTHING
        return Recorded(
            name,
            kind=kind,
            bound=caller or context.current() or context.new(),
            above=None if caller is not None else _current(),
            ended=self.pipeline().queue,
        )

    def flush(self, timeout_seconds: float) -> bool:
        """Send what waits, for at most so long; tell whether all of it is gone."""
        return self._pipeline is None or self._pipeline.flush(timeout_seconds)

    def close(self) -> None:
        """End what this process has running for it; a span that comes later starts it anew."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            pipeline.close()

    def forget(self) -> None:
        """Start anew in a forked child: it has neither the thread nor a connection of its own."""
        self._lock = threading.Lock()
        self._pipeline = None

    def pipeline(self) -> _Pipeline:
        """Return what this process has running for its spans, and start it if nothing is."""
        pipeline = self._pipeline
        if pipeline is None:
            with self._lock:
                pipeline = self._pipeline = self._pipeline or _Pipeline(
                    _exporter(self._env), self._provider.resource
                )
        return pipeline

    def _offered(self) -> TracerProvider:
        """Let the spans of the service's own, and of libraries, go the same way."""
        provider = TracerProvider(
            sampler=self._sampling,
            resource=_resource(self._env),
            id_generator=_Ids(),
            shutdown_on_exit=False,  # it would wait for as long as the collector likes
        )
        provider.add_span_processor(_Relay(self))
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            trace.set_tracer_provider(provider)  # unless somebody else is in charge
        return provider


_tracers: WeakSet[OpenTelemetryTracer] = WeakSet()


def forget_pipelines() -> None:
    """Let every tracer start anew: what a parent had running does not run in its child."""
    for tracer in _tracers:
        tracer.forget()


os.register_at_fork(after_in_child=forget_pipelines)


class OncePerTrace(Sampler):
    """One decision for a whole trace, by its id: the same here, in the SDK and in every service."""

    def __init__(self, env: ServiceSettings) -> None:
        name = env.OTEL_TRACES_SAMPLER
        self._follows = name.startswith(_PARENT_BASED)
        share = _SHARES.get(name.removeprefix(_PARENT_BASED), _share(env))
        self._below = round(share * _LIMIT)

    def of(self, bound: context.Context) -> bool:
        """Decide for a context: as its caller did, or by the lower half of the trace id."""
        if self._follows and bound.parent_id is not None:
            return bound.sampled
        return int(bound.trace_id[16:], 16) < self._below

    def should_sample(
        self,
        parent_context: OpenTelemetryContext | None,
        trace_id: int,
        name: str,  # noqa: ARG002 - OpenTelemetry's signature
        *rest: Any,
        **more: Any,
    ) -> SamplingResult:
        """Decide for a span that the service or a library of it starts by itself."""
        parent = trace.get_current_span(parent_context).get_span_context()
        bound = context.current()
        if self._follows and parent.is_valid:
            sampled = parent.trace_flags.sampled
        elif bound is not None and int(bound.trace_id, 16) == trace_id:
            sampled = self.of(bound)
        else:
            sampled = trace_id % _LIMIT < self._below
        state = parent.trace_state if parent.is_valid else None
        if not sampled:
            return SamplingResult(Decision.DROP, None, state)
        attributes = rest[1] if len(rest) > 1 else more.get("attributes")  # behind the kind
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, state)

    def get_description(self) -> str:
        """Name it for people."""
        return f"OncePerTrace{{{self._below / _LIMIT:g}}}"


class _Pipeline:
    """What one process needs to get its spans to the collector."""

    def __init__(self, exporter: SpanExporter, resource: Resource) -> None:
        self._resource = resource
        self._batches = Batches(Reporting(exporter))
        self._reached = True
        atexit.register(self._at_exit)

    def queue(self, span: Recorded) -> None:
        self._batches.queue(lambda: span.readable(self._resource, _SCOPE))

    def relay(self, span: ReadableSpan) -> None:
        self._batches.queue(lambda: span)

    def flush(self, timeout_seconds: float) -> bool:
        self._reached = self._batches.flush(timeout_seconds)
        return self._reached

    def _at_exit(self) -> None:
        if self._reached:  # who was waited for in vain is not waited for again
            self.flush(AT_EXIT_SECONDS)

    def close(self) -> None:
        atexit.unregister(self._at_exit)
        self._batches.close()


class _Relay(SpanProcessor):
    """Hands spans of the SDK to the pipeline of this process, whichever process it was made in."""

    def __init__(self, tracer: OpenTelemetryTracer) -> None:
        self._tracer = tracer

    def on_end(self, span: ReadableSpan) -> None:
        self._tracer.pipeline().relay(span)


class _Ids(RandomIdGenerator):
    """A trace that begins here has the trace id of the context, so that logs and spans meet."""

    def generate_trace_id(self) -> int:
        bound = context.current()
        return super().generate_trace_id() if bound is None else int(bound.trace_id, 16)

    def is_trace_id_random(self) -> bool:
        return False


def _current() -> SpanContext | None:
    """The span that is current for OpenTelemetry: ours, or one of the service's own within."""
    found = trace.get_current_span().get_span_context()
    return found if found.is_valid else None


def _share(env: ServiceSettings) -> float:
    given = env.origins()["OTEL_TRACES_SAMPLER_ARG"] != "default"
    if not given and env.SERVICE_ENVIRONMENT in UNPAID:
        return 1.0
    return env.OTEL_TRACES_SAMPLER_ARG


def _exporter(env: ServiceSettings) -> OTLPSpanExporter:
    return OTLPSpanExporter(endpoint=f"{env.OTEL_EXPORTER_OTLP_ENDPOINT.rstrip('/')}/v1/traces")


def _resource(env: ServiceSettings) -> Resource:
    return Resource.create(
        {
            "service.name": env.SERVICE_NAME,
            "service.version": env.SERVICE_VERSION,
            "deployment.environment.name": env.SERVICE_ENVIRONMENT,
        }
    )
