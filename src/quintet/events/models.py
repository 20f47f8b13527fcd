"""The outbox, the inbox, what is parked, and who works on what.

All times but that of an event itself are those of the database: the clocks of two replicas never
meet.
"""

from __future__ import annotations

from typing import Final

from django.db import models
from django.db.models.functions import Now

LONGEST_NAME: Final = 100
LONGEST_KEY: Final = 255
LONGEST_REASON: Final = 1_000


class OutboxEvent(models.Model):
    """An event that was written with the business, and whether a broker has confirmed it.

    What is not published yet has an index of its own, which the published rows leave: to find the
    next ones costs the same whatever else the table holds.
    """

    event_id = models.UUIDField()
    topic = models.CharField(max_length=LONGEST_NAME)
    key = models.CharField(max_length=LONGEST_KEY)
    partition = models.PositiveSmallIntegerField()
    body = models.TextField()
    created_at = models.DateTimeField(db_default=Now())
    published_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"],
                name="events_outbox_waiting",
                condition=models.Q(published_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        """Name the event, and say nothing of what it says."""
        return f"{self.topic} {self.event_id}"


class InboxEvent(models.Model):
    """An event that a handler has handled, written in the handler's own transaction."""

    pk = models.CompositePrimaryKey("handler", "event_id")
    handler = models.CharField(max_length=LONGEST_NAME)
    event_id = models.UUIDField()
    handled_at = models.DateTimeField(db_default=Now(), db_index=True)

    def __str__(self) -> str:
        """Name the event and who has handled it."""
        return f"{self.event_id} by {self.handler}"


class ParkedEvent(models.Model):
    """An event that could not be handled: to be tried again, or a dead letter.

    It is alone responsible for the event from then on: the broker is told that it was taken.
    """

    handler = models.CharField(max_length=LONGEST_NAME)
    event_id = models.UUIDField()
    topic = models.CharField(max_length=LONGEST_NAME)
    partition = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=LONGEST_KEY)
    body = models.TextField()
    attempts = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=LONGEST_REASON, default="", blank=True)
    trace_id = models.CharField(max_length=32, default="", blank=True)
    parked_at = models.DateTimeField(db_default=Now())
    next_attempt_at = models.DateTimeField(null=True)
    """``None`` for a dead letter."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["handler", "event_id"], name="events_parked_once"),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="events_parked_due"),
            models.Index(fields=["handler", "key"], name="events_parked_key"),
        ]

    def __str__(self) -> str:
        """Name the event, who should handle it, and how that went."""
        state = "dead" if self.next_attempt_at is None else "waiting"
        return f"{self.event_id} for {self.handler}: {state} after {self.attempts} attempts"


class Lease(models.Model):
    """Who works on a part of the work, until when."""

    name = models.CharField(max_length=LONGEST_NAME, primary_key=True)
    holder = models.UUIDField(null=True)
    ends_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        """Name the part of the work."""
        return self.name
