"""What could not be handled: tried again after pauses that grow, and at last a dead letter.

An event that is parked is not the broker's any more; those behind it go on, but for those of its
key, which wait in the same place and in their order. An attempt is counted before it is made, so
that an event whose handler kills the process is dead after as many attempts as any other.
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_OID, uuid5

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now
from prometheus_client import Gauge

from quintet.events import envelope
from quintet.events.brokers import Delivery
from quintet.events.inbox import HANDLED
from quintet.events.models import LONGEST_KEY, LONGEST_REASON, ParkedEvent
from quintet.telemetry.logs import get_logger
from quintet.telemetry.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from django.db.models import QuerySet

    from quintet.events.envelope import Envelope
    from quintet.events.handling import Handler, Handlers

UNREADABLE: Final = "unreadable"
"""Instead of a handler, for what no handler could read."""
PAUSE_SECONDS: Final = 1.0
PAUSE_SECONDS_MAX: Final = 300.0

PARKED = Gauge("events_parked", "Events that wait to be tried again.", multiprocess_mode="livemax")
DEAD = Gauge("events_dead", "Dead letters.", multiprocess_mode="livemax")

log = get_logger("quintet.events")


def park(
    handler: Handler, found: Envelope, delivery: Delivery, *, attempts: int, reason: str = ""
) -> None:
    """Keep an event for later, after so many attempts; what is parked already stays as it is.

    Without a reason nothing is wrong with it, and it need not wait.
    """
    pause = _pause(attempts) if reason else timedelta()
    _keep(
        delivery,
        event_id=found.id,
        key=found.partitionkey,
        trace_id=found.context().trace_id,
        handler=handler.name,
        attempts=attempts,
        reason=_fit(reason),
        next_attempt_at=Now() + pause,
    )
    HANDLED.labels(handler.name, "parked").inc()


def bury_unreadable(delivery: Delivery, *, reason: str, found: Envelope | None = None) -> None:
    """Keep what nobody here can read as a dead letter."""
    _keep(
        delivery,
        event_id=uuid5(NAMESPACE_OID, delivery.body) if found is None else found.id,
        key="" if found is None else found.partitionkey,
        handler=UNREADABLE,
        attempts=1,
        reason=_fit(reason),
    )
    HANDLED.labels(UNREADABLE, "dead").inc()
    log.error("event is a dead letter", topic=delivery.topic, reason=_fit(reason))


def keys_that_wait(handlers: Iterable[str], keys: Collection[str]) -> set[tuple[str, str]]:
    """Which keys have an event that waits, by the name of the handler that it waits for."""
    waiting = ParkedEvent.objects.filter(next_attempt_at__isnull=False)
    chosen = waiting.filter(handler__in=list(handlers), key__in=list(keys))
    return set(chosen.values_list("handler", "key"))


def due(
    partitions: Collection[int], handlers: Collection[Handler], *, limit: int
) -> list[ParkedEvent]:
    """Events whose pause is over; of an ordered handler the first of each key alone."""
    earlier = ParkedEvent.objects.filter(
        handler=OuterRef("handler"),
        key=OuterRef("key"),
        next_attempt_at__isnull=False,
        pk__lt=OuterRef("pk"),
    )
    ordered = [handler.name for handler in handlers if handler.ordered]
    free = [handler.name for handler in handlers if not handler.ordered]
    return list(
        ParkedEvent.objects.filter(next_attempt_at__lte=Now(), partition__in=sorted(partitions))
        .filter(Q(handler__in=free) | (Q(handler__in=ordered) & ~Exists(earlier)))
        .order_by("next_attempt_at", "pk")[:limit]
    )


def begin(parked: ParkedEvent) -> bool:
    """Count an attempt before it is made; ``False`` if somebody else has taken it meanwhile."""
    seen = ParkedEvent.objects.filter(pk=parked.pk, attempts=parked.attempts)
    begun = seen.filter(next_attempt_at__lte=Now()).update(
        attempts=F("attempts") + 1, next_attempt_at=Now() + _pause(parked.attempts + 1)
    )
    parked.attempts += 1
    return bool(begun)


def settle(parked: ParkedEvent) -> None:
    """Forget an event that was handled, in the transaction of its handler."""
    ParkedEvent.objects.filter(pk=parked.pk).delete()


def failed(parked: ParkedEvent, *, reason: str, attempts: int) -> None:
    """Note why an attempt failed; after the last one the event is a dead letter."""
    facts: dict[str, Any] = {"reason": _fit(reason)}
    if parked.attempts >= attempts:
        facts["next_attempt_at"] = None
        HANDLED.labels(parked.handler, "dead").inc()
        log.error(
            "event is a dead letter",
            handler=parked.handler,
            event_id=str(parked.event_id),
            attempts=parked.attempts,
            reason=facts["reason"],
        )
    ParkedEvent.objects.filter(pk=parked.pk).update(**facts)


def not_counted(parked: ParkedEvent) -> None:
    """Take an attempt back that failed for no fault of the event."""
    ParkedEvent.objects.filter(pk=parked.pk).update(attempts=F("attempts") - 1)
    parked.attempts -= 1


def count() -> None:
    """Tell how much is parked."""
    waiting = ParkedEvent.objects.filter(next_attempt_at__isnull=False).count()
    PARKED.set(waiting)
    DEAD.set(ParkedEvent.objects.filter(next_attempt_at__isnull=True).count())


def _keep(delivery: Delivery, *, key: str, **facts: Any) -> None:
    row = ParkedEvent(
        topic=delivery.topic,
        partition=delivery.partition,
        key=key[:LONGEST_KEY],
        body=delivery.body.replace("\x00", "\N{REPLACEMENT CHARACTER}"),
        **facts,
    )
    ParkedEvent.objects.bulk_create([row], ignore_conflicts=True)


def _pause(attempts: int) -> timedelta:
    """How long to wait after so many attempts: twice as long each time, and a random part of it."""
    longest = min(PAUSE_SECONDS * 2 ** min(attempts, 16) / 2, PAUSE_SECONDS_MAX)
    return timedelta(seconds=random.uniform(longest / 2, longest))  # noqa: S311 - no secret


def _fit(reason: str) -> str:
    return redact(reason)[:LONGEST_REASON]


def dead() -> QuerySet[ParkedEvent]:
    """The dead letters, those that were parked first first."""
    return ParkedEvent.objects.filter(next_attempt_at__isnull=True).order_by("pk")


def revive(letter: ParkedEvent, handlers: Handlers) -> int:
    """Let a dead letter be tried again from the beginning, at once; say by how many handlers.

    What nobody could read goes to those who can read it now: 0, and it stays a dead letter, if
    there are none.
    """
    if letter.handler != UNREADABLE:
        known = letter.handler in handlers.by_name
        if known:
            dead().filter(pk=letter.pk).update(attempts=0, next_attempt_at=Now())
        return int(known)
    try:
        found = envelope.read(letter.body)
    except envelope.Malformed:
        return 0
    readers = handlers.by_type.get(found.type, [])
    if readers:
        with transaction.atomic():
            delivery = Delivery(letter.topic, letter.partition, letter.body, receipt="")
            for handler in readers:
                park(handler, found, delivery, attempts=0)
            dead().filter(pk=letter.pk).delete()
    return len(readers)
