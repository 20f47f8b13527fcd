"""Events in tests of a service: what it has published, what it does with those of others."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from quintet.events import envelope, inbox
from quintet.events.handling import discovered
from quintet.events.models import OutboxEvent

if TYPE_CHECKING:
    from quintet.events.declared import E, Event


def published(cls: type[E]) -> list[E]:
    """The events of a class that the service has written down, in their order."""
    bodies = OutboxEvent.objects.order_by("id").values_list("body", flat=True)
    read = [envelope.read(body) for body in bodies]
    return [envelope.data_of(one, cls) for one in read if one.type == cls.type()]


def deliver(event: Event, *, event_id: UUID | None = None) -> UUID:
    """Let the handlers of the service handle an event as the consumer does, and return its id.

    With the id of an event before it is a duplicate of that. What a handler raises is raised.

    Raises:
        LookupError: No handler of the service waits for such an event.
    """
    chosen = event_id or uuid4()
    handlers = discovered().by_type.get(event.type(), [])
    if not handlers:
        raise LookupError(f"No handler of this service waits for {event.type()}.")
    found = envelope.read(envelope.write(event, event_id=chosen, source=event.topic()))
    for handler in handlers:
        inbox.handle(handler, found)
    return chosen
