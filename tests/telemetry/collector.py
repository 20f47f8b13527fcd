"""A collector that speaks OTLP over HTTP, and can be down, slow or rude."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.util._once import Once

from quintet.settings import ServiceSettings
from quintet.telemetry import traces

PATIENCE_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """One span as the collector got it; ids in hexadecimal digits, empty for none."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    state: str
    failed: bool
    attributes: dict[str, Any]
    events: list[dict[str, Any]] = field(default_factory=list)
    resource: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


class Collector:
    """Answers with ``status``; remembers the spans and every byte of each request."""

    def __init__(self) -> None:
        self.status = 200
        self.letting = threading.Event()
        self.letting.set()
        self.bodies: list[bytes] = []
        self._arrived: list[Arrived] = []
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def take(self, body: bytes) -> None:
        message = ExportTraceServiceRequest.FromString(body)
        with self._changed:
            self.bodies.append(body)
            self._arrived += [
                _arrived(span, within.resource)
                for within in message.resource_spans
                for scope in within.scope_spans
                for span in scope.spans
            ]
            self._changed.notify_all()

    def spans(self, count: int = 1) -> list[Arrived]:
        """Wait until ``count`` have arrived, and give them from the first that began."""
        traces.flush(PATIENCE_SECONDS)
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._arrived) >= count, PATIENCE_SECONDS), (
                self._arrived
            )
            return list(self._arrived)

    def span(self) -> Arrived:
        """The only one that has arrived."""
        (only,) = self.spans()
        return only

    def named(self, name: str) -> Arrived:
        """The only one of this name."""
        (only,) = [span for span in self.spans() if span.name == name]
        return only

    def nothing(self) -> bool:
        """Whether nothing has arrived, after all that waited was sent."""
        traces.flush(PATIENCE_SECONDS)
        return not self._arrived

    def close(self) -> None:
        self.letting.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def tracing(endpoint: str, *, provider: Any = None, **environ: str):
    """Trace to ``endpoint`` within the block, with the settings of a service named shop.

    Somebody else may have set a ``provider`` of OpenTelemetry before.
    """
    given = {
        "SERVICE_NAME": "shop",
        "SERVICE_ENVIRONMENT": "test",
        "SECRET_KEY": "a key for tests",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
    }
    before = traces._Current.tracer
    trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE = provider, Once()
    traces.configure(ServiceSettings.load(given | environ))
    try:
        yield traces._Current.tracer
    finally:
        if traces.enabled():
            traces._Current.tracer.close()
        traces._Current.tracer = before
        trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE = None, Once()


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.letting.wait(PATIENCE_SECONDS)
            if collector.status == 200:
                assert self.path == "/v1/traces"
                collector.take(body)
            self.send_response(collector.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _arrived(span: Any, resource: Any) -> Arrived:
    return Arrived(
        name=span.name,
        kind={1: "internal", 2: "server", 3: "client"}[span.kind],
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        state=span.trace_state,
        failed=span.status.code == 2,
        attributes=_values(span.attributes),
        events=[{"name": event.name, **_values(event.attributes)} for event in span.events],
        resource=_values(resource.attributes),
        seconds=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
