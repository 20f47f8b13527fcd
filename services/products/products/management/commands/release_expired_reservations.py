"""``manage.py release_expired_reservations``: return what was put aside for too long."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from products import domain
from quintet.management.repeating import RepeatingCommand


class Command(RepeatingCommand):
    """Can be repeated, and run several times at once."""

    help = "Return goods to the stock whose reservation has expired."

    def round(self, **_: Any) -> str:
        """Release each reservation that has expired by now."""
        return f"Released {domain.release_expired(timezone.now())} reservations."
