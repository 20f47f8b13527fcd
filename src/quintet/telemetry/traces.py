"""Where the time of a request went, across services: spans, which a collector puts together.

Without ``OTEL_EXPORTER_OTLP_ENDPOINT`` everything here is a null object and nothing of
OpenTelemetry is imported. With it, a span is recorded when its trace is sampled; what is not
recorded costs a look at the span that is current.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from quintet import context
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quintet.settings import ServiceSettings

    Value = str | bool | int | float

Kind = Literal["internal", "server", "client", "producer", "consumer"]

log = get_logger("quintet.telemetry")


class Span(Protocol):
    """One operation, from its start to ``end``; ``recording`` says whether anybody will see it."""

    @property
    def recording(self) -> bool:
        """Whether attributes are worth their making."""
        ...

    def describe(self, attributes: Mapping[str, Value], *, name: str = "") -> None:
        """Add attributes, and name the span anew once its name is known."""
        ...

    def fail(self, reason: str = "", *, error: BaseException | None = None) -> None:
        """Mark the span as failed, for one of a few reasons; ``error`` tells the rest."""
        ...

    def enter(self) -> None:
        """Make it current: the parent of what starts here, and the span that log lines name."""
        ...

    def leave(self) -> None:
        """Put back what was current before ``enter``."""
        ...

    def end(self) -> None:
        """Stop the clock."""
        ...


class NullSpan:
    """Records nothing."""

    recording = False

    def describe(self, attributes: Mapping[str, Value], *, name: str = "") -> None:
        """Forget the attributes."""

    def fail(self, reason: str = "", *, error: BaseException | None = None) -> None:
        """Forget the error."""

    def enter(self) -> None:
        """Leave everything as it is."""

    def leave(self) -> None:
        """Leave everything as it is."""

    def end(self) -> None:
        """Stop nothing."""


NOTHING: Span = NullSpan()
entered: ContextVar[Span] = ContextVar("quintet_span", default=NOTHING)


class Tracer(Protocol):
    """The seam: something that starts spans, and sends them away."""

    def start(self, name: str, *, kind: Kind, caller: context.Context | None = None) -> Span:
        """Start a span: below the current one, or as the first of this process for ``caller``."""
        ...

    def flush(self, timeout_seconds: float) -> bool:
        """Send what waits, for at most so long; tell whether all of it is gone."""
        ...


class NullTracer:
    """Traces nothing, for a service without a collector."""

    def start(self, name: str, *, kind: Kind, caller: context.Context | None = None) -> Span:  # noqa: ARG002 - the seam's signature
        """Start nothing."""
        return NOTHING

    def flush(self, timeout_seconds: float) -> bool:  # noqa: ARG002 - the seam's signature
        """Have nothing to send."""
        return True


class _Current:
    """The tracer in use; ``configure`` replaces it."""

    tracer: ClassVar[Tracer] = NullTracer()


def configure(env: ServiceSettings) -> None:
    """Switch tracing on if there is somewhere to send spans; a check reports missing packages."""
    _Current.tracer = NullTracer()
    if not env.OTEL_EXPORTER_OTLP_ENDPOINT:
        return
    if missing := missing_package():
        log.error("traces are off: a package is missing", package=missing)
        return
    # Late: an optional dependency, and half a second that only those who trace should wait.
    from quintet.telemetry.otel import OpenTelemetryTracer

    _Current.tracer = OpenTelemetryTracer(env)


def missing_package() -> str:
    """Name a package that tracing needs and that is not installed; empty when all are there."""
    for package in ("opentelemetry", "opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"):
        try:
            found = find_spec(package)
        except ModuleNotFoundError:  # a package above it is not there either
            found = None
        if found is None:
            return package
    return ""


def enabled() -> bool:
    """Tell whether there is a tracer."""
    return not isinstance(_Current.tracer, NullTracer)


def current() -> Span:
    """Return the span that is recorded here, or one that records nothing."""
    return entered.get()


def begin(name: str, *, kind: Kind) -> Span:
    """Start and enter the first span of this process for the context that is bound here.

    Continues the trace of the caller, or starts the one that the context names. Whoever begins a
    span leaves it and ends it.
    """
    caller = context.current() or context.new()
    started = _Current.tracer.start(name, kind=kind, caller=caller)
    started.enter()
    return started


@contextmanager
def whole(name: str, *, kind: Kind = "internal") -> Iterator[Span]:
    """Time a block as the first span of this process, such as a round of a command."""
    begun = begin(name, kind=kind)
    try:
        yield begun
    except BaseException as error:
        begun.fail(reason_of(error), error=error)
        raise
    finally:
        begun.leave()
        begun.end()


@contextmanager
def span(name: str, *, kind: Kind = "internal") -> Iterator[Span]:
    """Time a block as a part of what is recorded here; elsewhere do nothing.

    An exception that leaves the block marks the span as failed. What it says is told by the span
    of the request that it fails, and by no other.
    """
    if not entered.get().recording:
        yield NOTHING
        return
    part = _Current.tracer.start(name, kind=kind)
    part.enter()
    try:
        yield part
    except BaseException as error:
        part.fail(reason_of(error))
        raise
    finally:
        part.leave()
        part.end()


def reason_of(error: BaseException) -> str:
    """Return what kind of failure it is: the code of an error of the chassis, or else its class."""
    return getattr(error, "error_code", "") or type(error).__qualname__


def flush(timeout_seconds: float) -> bool:
    """Send what waits, for at most so long; tell whether all of it is gone."""
    return _Current.tracer.flush(timeout_seconds)
