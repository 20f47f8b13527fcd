"""What happens to a span once it has ended: it waits, is redacted, and leaves.

The SDK's own batch processor ignores the timeout of a flush, does not say how many spans it
dropped, and logs each of its troubles. Here the queue is bounded and what does not fit is counted,
a flush ends when it was told to, and an outage of the collector is two lines in the log.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, set_value
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, Status
from prometheus_client import Counter

from quintet.telemetry.fields import LONGEST_EXCEPTION, fit_fields, fit_text
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MOST_WAITING = 2_048
LARGEST_BATCH = 512
DELAY_SECONDS = 5.0
_WORTH_WAKING = frozenset({0, LARGEST_BATCH - 1})

DROPPED = Counter(
    "trace_spans_dropped_total", "Spans that never reached the collector.", ["reason"]
)
_FULL, _REFUSED = DROPPED.labels("queue full"), DROPPED.labels("export failed")

EXPORTER_LOGGER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
_URLS = frozenset({"url.full", "http.url", "http.target"})
_QUERY = "url.query"

log = get_logger("quintet.telemetry")


class Batches:
    """Hands spans to the exporter in a thread of its own, so that no request ever waits for it."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._waiting: deque[Callable[[], ReadableSpan]] = deque()
        self._changed = threading.Condition()
        self._hurried = self._exporting = self._closed = False
        threading.Thread(target=self._work, name="quintet-traces", daemon=True).start()

    def queue(self, readable: Callable[[], ReadableSpan]) -> None:
        """Queue a span that is put together when its turn has come, or count it as dropped."""
        with self._changed:
            waiting = len(self._waiting)
            if waiting < MOST_WAITING and not self._closed:
                self._waiting.append(readable)
                if waiting in _WORTH_WAKING:
                    self._changed.notify_all()
                return
        _FULL.inc()

    def close(self) -> None:
        """End the thread, and what it is about; whatever waits is dropped."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        self._exporter.shutdown()

    def flush(self, timeout_seconds: float) -> bool:
        """Send what waits now; give up waiting for it, but not sending, after the timeout."""
        with self._changed:
            self._hurried = True
            self._changed.notify_all()
            return self._changed.wait_for(self._idle, timeout_seconds)

    def _idle(self) -> bool:
        return not self._waiting and not self._exporting

    def _due(self) -> bool:
        return self._hurried or self._closed or len(self._waiting) >= LARGEST_BATCH

    def _work(self) -> None:
        # As the SDK's own processors do: or else a library that traces HTTP would trace the export.
        attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        while batch := self._next():
            try:
                self._exporter.export([readable() for readable in batch])
            except Exception:
                log.exception("spans are lost", spans=len(batch))
            with self._changed:
                self._exporting = False
                self._changed.notify_all()

    def _next(self) -> Sequence[Callable[[], ReadableSpan]]:
        with self._changed:
            self._hurried = self._hurried and bool(self._waiting)
            self._changed.wait_for(lambda: self._waiting or self._closed)
            self._changed.wait_for(self._due, DELAY_SECONDS)
            size = min(len(self._waiting), LARGEST_BATCH)
            self._exporting = True
            return [self._waiting.popleft() for _ in range(size)]


class _Heard(logging.Filter):
    """Keeps what the exporter says first, for the one line that tells of an outage."""

    said = ""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let nothing pass."""
        self.said = self.said or record.getMessage()
        return False


_heard = _Heard()


class Reporting(SpanExporter):
    """Redacts what leaves, and logs when it stops getting through and when it does again."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._lost = 0
        logging.getLogger(EXPORTER_LOGGER).addFilter(_heard)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send the spans once."""
        _heard.said = ""
        result = self._inner.export([redacted(span) for span in spans])
        if result is SpanExportResult.SUCCESS:
            if self._lost:
                log.info("spans get through again", lost=self._lost)
            self._lost = 0
        else:
            if not self._lost:
                log.warning("spans do not get through", reason=_heard.said)
            self._lost += len(spans)
            _REFUSED.inc(len(spans))
        return result

    def shutdown(self) -> None:
        """Close the connection."""
        self._inner.shutdown()


def redacted(span: ReadableSpan) -> ReadableSpan:
    """Copy a span without secrets, whoever made it: by the rules of the log, and no query."""
    return ReadableSpan(
        name=fit_text(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_attributes(span.attributes or {}),
        events=[_event(event) for event in span.events],
        links=[Link(link.context, _attributes(link.attributes or {})) for link in span.links],
        kind=span.kind,
        status=_status(span.status),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _attributes(given: Mapping[str, Any]) -> dict[str, Any]:
    kept = {
        name: value.partition("?")[0] if name in _URLS and isinstance(value, str) else value
        for name, value in given.items()
        if name != _QUERY
    }
    return fit_fields(kept)


def _event(event: Event) -> Event:
    given = dict(event.attributes or {})
    texts = {
        name: fit_text(value, longest=LONGEST_EXCEPTION)
        for name, value in given.items()
        if name.startswith("exception.") and isinstance(value, str)
    }
    return Event(event.name, _attributes(given) | texts, event.timestamp)


def _status(status: Status) -> Status:
    described = status.description
    return Status(status.status_code, described and fit_text(described))
