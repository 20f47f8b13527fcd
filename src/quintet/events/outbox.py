"""The outbox: what is to be published, written in the transaction that makes it true."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4
from zlib import crc32

from django.db import connection
from django.db.models.functions import Now

from quintet import conf
from quintet.events import PARTITIONS, envelope
from quintet.events.brokers import Message
from quintet.events.declared import judged, key_of
from quintet.events.models import OutboxEvent

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from quintet.events.declared import Event

_CONFIRM: Final = (
    "UPDATE quintet_events_outboxevent SET published_at = STATEMENT_TIMESTAMP() WHERE id = ANY(%s)"
)


def publish(event: Event) -> UUID:
    """Write an event down in the running transaction; the relay sends it once that is committed.

    Returns the id of the event. What is written is sent at least once, in the order of the key, and
    handled once by each handler; what is rolled back is not sent.

    Raises:
        RuntimeError: No transaction is running.
        TypeError: The event is not declared as it should be, or not as it was declared.
        ValueError: It is too long, or its key is none.
    """
    if not connection.in_atomic_block:
        raise RuntimeError(
            f"{event.name} was published outside of a transaction: write it where what it says is "
            "written, with transaction.atomic()."
        )
    cls, event_id = judged(type(event)), uuid4()
    body = envelope.write(event, event_id=event_id, source=conf.current().SERVICE_NAME)
    key = key_of(event)
    OutboxEvent.objects.create(
        event_id=event_id, topic=cls.topic(), key=key, partition=partition_of(key), body=body
    )
    return event_id


def partition_of(key: str) -> int:
    """The partition of a key: the same in every process, whatever its hash seed."""
    return crc32(key.encode()) % PARTITIONS


def waiting(
    partitions: Collection[int], *, limit: int, without: Collection[str] = ()
) -> list[tuple[int, Message]]:
    """The next events of some partitions that nobody has confirmed yet, in their order.

    Those of some topics may be left out.
    """
    rows = (
        OutboxEvent.objects.filter(published_at__isnull=True, partition__in=sorted(partitions))
        .exclude(topic__in=without)
        .order_by("id")
        .values_list("id", "event_id", "topic", "partition", "key", "body")[:limit]
    )
    return [(row[0], Message(*row[1:])) for row in rows]


def confirmed(numbers: Sequence[int]) -> None:
    """Note that a broker has them."""
    if connection.vendor == "postgresql":
        # One list instead of hundreds of parameters: those cost as much as all of a relay's rest.
        with connection.cursor() as cursor:
            cursor.execute(_CONFIRM, [list(numbers)])
    else:
        OutboxEvent.objects.filter(id__in=numbers).update(published_at=Now())


def oldest_seconds(*, without: Collection[str] = ()) -> float:
    """How long the event that has waited longest waits; 0 when none does."""
    waiting = OutboxEvent.objects.filter(published_at__isnull=True).exclude(topic__in=without)
    found = waiting.order_by("id").annotate(now=Now()).values_list("now", "created_at").first()
    return 0.0 if found is None else max(0.0, (found[0] - found[1]).total_seconds())


def pruned_unread(topics: Collection[str], *, older_than_seconds: float) -> int:
    """Delete events of topics that nobody reads, when they have waited long; say how many."""
    age = timedelta(seconds=older_than_seconds)
    waiting = OutboxEvent.objects.filter(published_at__isnull=True, topic__in=topics)
    deleted, _ = waiting.filter(created_at__lt=Now() - age).delete()
    return deleted


def pruned(*, older_than_seconds: float, limit: int) -> int:
    """Delete old events that were published among the first of the table; say how many.

    Only so many are looked at: where the first ones are not old, those behind them are not either,
    and a table of a million rows is not read to find that out.
    """
    first = list(OutboxEvent.objects.order_by("id").values_list("id", flat=True)[:limit])
    age = timedelta(seconds=older_than_seconds)
    deleted, _ = OutboxEvent.objects.filter(id__in=first, published_at__lt=Now() - age).delete()
    return deleted
