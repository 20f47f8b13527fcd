"""A span that costs next to nothing while its request runs.

The SDK's own span locks, copies and checks at every step, which is a third of what a request may
cost in all. This one notes what it is told. What else a span is, is put together in the thread that
sends it away. OpenTelemetry takes it for one of its own: libraries find it as the current span.
"""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace.span import TraceState

from quintet import context
from quintet.telemetry import confidence, traces

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

MOST_NOTES = 128
"""Attributes, events and links of one span: more are not kept, as the SDK has it."""

_KINDS = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class Recorded(Span):
    """A span of a trace that is sampled, below ``above`` or below the caller of the context."""

    recording = True

    # What most spans never have stands in the class, since making a span is what they all pay.
    _events: Sequence[Event] = ()
    _links: Sequence[Link] = ()
    _status = StatusCode.UNSET
    _description: str | None = None
    _inside: context.Context | None = None
    _outer: Any = None
    _context: SpanContext | None = None
    _ended_ns = 0

    def __init__(
        self,
        name: str,
        *,
        kind: traces.Kind,
        bound: context.Context,
        above: SpanContext | None,
        ended: Callable[[Recorded], None],
    ) -> None:
        self._name, self._kind = name, kind
        self._bound, self._above = bound, above
        self._id = context.new_span_id()
        self._queue = ended
        self._attributes: dict[str, Any] = {}
        self._started_at_ns, self._started_ns = time.time_ns(), time.perf_counter_ns()

    def describe(self, attributes: Mapping[str, traces.Value], *, name: str = "") -> None:
        """Add attributes, and name the span anew once its name is known."""
        self._attributes.update(attributes)
        self._name = name or self._name

    def fail(self, reason: str = "", *, error: BaseException | None = None) -> None:
        """Mark the span as failed; what ``error`` says is redacted where it leaves the process."""
        self._status = StatusCode.ERROR
        if reason:
            self._attributes["error.type"] = reason
        if error is not None:
            self.record_exception(error)

    def enter(self) -> None:
        """Make it current, here and for OpenTelemetry, and let what is called continue from it."""
        if self._inside is None:
            self._inside = context.Context(
                correlation_id=self._bound.correlation_id,
                trace_id=self._bound.trace_id,
                parent_id=self._bound.parent_id,
                span_id=self._id,
                sampled=True,
                tracestate=self._bound.tracestate,
            )
        self._outer = (
            otel_context.attach(set_span_in_context(self)),
            traces.entered.set(self),
            context.bind(self._inside),
        )

    def leave(self) -> None:
        """Put back what was current before."""
        attached, entered, bound = self._outer
        context.unbind(bound)
        traces.entered.reset(entered)
        otel_context.detach(attached)

    def end(self, end_time: int | None = None) -> None:
        """Stop the clock, which no step of the wall clock disturbs, and queue the span."""
        if self._ended_ns:
            return
        passed = time.perf_counter_ns() - self._started_ns
        self._ended_ns = end_time or self._started_at_ns + passed
        self._queue(self)

    def is_recording(self) -> bool:
        """Tell whether it still runs."""
        return not self._ended_ns

    def get_span_context(self) -> SpanContext:
        """Return what names this span to OpenTelemetry; most spans are never asked."""
        if self._context is None:
            self._context = _context(self._bound, self._id, flags=_SAMPLED)
        return self._context

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Add attributes, for those who use the API of OpenTelemetry."""
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def set_attribute(self, key: str, value: Any) -> None:
        """Add an attribute, as above."""
        if len(self._attributes) < MOST_NOTES:
            self._attributes[key] = value

    def add_event(
        self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None
    ) -> None:
        """Note what happened at a moment, as above."""
        if len(self._events) < MOST_NOTES:
            self._events = [*self._events, Event(name, attributes, timestamp)]

    def add_link(self, context: SpanContext, attributes: Mapping[str, Any] | None = None) -> None:
        """Point to another span, as above."""
        if len(self._links) < MOST_NOTES:
            self._links = [*self._links, Link(context, attributes)]

    def update_name(self, name: str) -> None:
        """Name the span anew, as above."""
        self._name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Say how it went, as above."""
        if isinstance(status, Status):
            self._status, self._description = status.status_code, status.description
        else:
            self._status, self._description = status, description

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        *_: Any,
        timestamp: int | None = None,
        **__: Any,
    ) -> None:
        """Note an exception as an event, as above."""
        kind = type(exception)
        told = {
            "exception.type": f"{kind.__module__}.{kind.__qualname__}",
            "exception.message": confidence.hide(str(exception)),
            "exception.stacktrace": confidence.hide("".join(traceback.format_exception(exception))),
        }
        self.add_event("exception", {**told, **(attributes or {})}, timestamp)

    def readable(self, resource: Resource, scope: InstrumentationScope) -> ReadableSpan:
        """Put together what the exporter takes."""
        caller = self._bound.parent_id
        parent = self._above
        if parent is None and caller is not None:
            parent = _context(
                self._bound, caller, flags=TraceFlags(self._bound.sampled), is_remote=True
            )
        return ReadableSpan(
            name=self._name,
            context=self.get_span_context(),
            parent=parent,
            resource=resource,
            attributes=self._attributes,
            events=self._events,
            links=self._links,
            kind=_KINDS[self._kind],
            status=Status(self._status, self._description),
            start_time=self._started_at_ns,
            end_time=self._ended_ns,
            instrumentation_scope=scope,
        )


class Declined(traces.NullSpan):
    """No span: the caller records, this service does not, and says so to those whom it calls."""

    def __init__(self, bound: context.Context) -> None:
        self._inside = context.Context(
            correlation_id=bound.correlation_id,
            trace_id=bound.trace_id,
            parent_id=bound.parent_id,
            tracestate=bound.tracestate,
        )
        self._outer: Any = None

    def enter(self) -> None:
        """Let what is called not be recorded either."""
        self._outer = context.bind(self._inside)

    def leave(self) -> None:
        """Put back what was bound before."""
        context.unbind(self._outer)


def _context(
    bound: context.Context, span_id: str, *, flags: TraceFlags, is_remote: bool = False
) -> SpanContext:
    return SpanContext(
        trace_id=int(bound.trace_id, 16),
        span_id=int(span_id, 16),
        is_remote=is_remote,
        trace_flags=flags,
        trace_state=TraceState.from_header([bound.tracestate]) if bound.tracestate else None,
    )
