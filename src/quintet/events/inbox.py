"""The inbox: an event is handled once by each handler, whatever is delivered or killed."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction
from django.db.models.functions import Now
from prometheus_client import Counter, Histogram

from quintet import context
from quintet.events import envelope
from quintet.events.models import InboxEvent
from quintet.resilience import deadline
from quintet.telemetry import traces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from quintet.events.envelope import Envelope
    from quintet.events.handling import Handler

HANDLER_SECONDS: Final = 30.0
"""How long a handler may take: its statements and calls are given no more."""

HANDLED = Counter(
    "events_handled_total",
    "Events by what became of them: handled, duplicate, parked or dead.",
    ["handler", "outcome"],
)
DELAY = Histogram(
    "events_delay_seconds", "From the moment of an event until it was handled.", ["handler"]
)

_INSERT: Final = (
    "INSERT INTO quintet_events_inboxevent (handler, event_id) VALUES (%s, %s) "
    "ON CONFLICT DO NOTHING"
)


def handle(
    handler: Handler, found: Envelope, *, afterwards: Callable[[], None] | None = None
) -> None:
    """Run a handler for an event, unless it has handled it before.

    The entry, what the handler writes and what ``afterwards`` writes are one transaction. Who comes
    second waits for the first at the entry, and then finds it there.
    """
    with _carrying(handler, found), transaction.atomic(durable=True):
        if _is_first(handler, found.id):
            handler.function(envelope.data_of(found, handler.event))
            outcome = "handled"
        else:
            outcome = "duplicate"
        if afterwards is not None:
            afterwards()
    HANDLED.labels(handler.name, outcome).inc()
    if found.time is not None and outcome == "handled":
        DELAY.labels(handler.name).observe(_seconds_since(found.time))


def pruned(*, older_than_seconds: float, limit: int) -> int:
    """Forget events that were handled long ago, at most so many; say how many."""
    old = InboxEvent.objects.filter(handled_at__lt=Now() - timedelta(seconds=older_than_seconds))
    entries = list(old.order_by("handled_at").values_list("pk", flat=True)[:limit])
    InboxEvent.objects.filter(pk__in=entries).delete()
    return len(entries)


def _is_first(handler: Handler, event_id: UUID) -> bool:
    with connection.cursor() as cursor:
        written = event_id if connection.features.has_native_uuid_field else event_id.hex
        cursor.execute(_INSERT, [handler.name, written])
        return bool(cursor.rowcount)


@contextmanager
def _carrying(handler: Handler, found: Envelope) -> Iterator[None]:
    """Bind what travels with the event, and the time that its handler has."""
    instant = time.monotonic() + HANDLER_SECONDS
    with (
        context.running(found.context()),
        deadline.running(instant),
        traces.whole(f"handle {handler.name}", kind="consumer") as span,
    ):
        if span.recording:
            span.describe(
                {"messaging.message.id": str(found.id), "cloudevents.event_type": found.type}
            )
        yield


def _seconds_since(moment: datetime) -> float:
    known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (datetime.now(UTC) - known).total_seconds())
