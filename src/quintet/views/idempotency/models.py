"""The keys that were used, and the answers that were given."""

from __future__ import annotations

import uuid

from django.db import models


class KeyRecord(models.Model):
    """What is known of one key, of one caller, for one route.

    Neither the key nor the caller can be read from it. While ``lease_ends_at`` is set somebody
    works on it, or did until a crash; ``holder`` says who, so that whoever lost the lease cannot
    write any more. All times are those of the database: the clocks of two replicas never meet.
    """

    digest = models.CharField(max_length=32, primary_key=True)
    fingerprint = models.CharField(max_length=32)
    deed = models.UUIDField(default=uuid.uuid4)
    holder = models.UUIDField(default=uuid.uuid4)
    lease_ends_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(db_index=True)
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(null=True)

    def __str__(self) -> str:
        """Say how far the deed is, and nothing of whose it is."""
        return f"{self.deed}: {'under way' if self.status is None else self.status}"
