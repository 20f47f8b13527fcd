"""Work that comes again: what was put aside for too long is returned."""

from __future__ import annotations

from django.utils import timezone

from products import domain
from quintet.tasks import every, task


@every(seconds=60)
@task(attempts=1)
def release_expired_reservations() -> None:
    """Return goods to the stock whose reservation has expired."""
    domain.release_expired(timezone.now())
