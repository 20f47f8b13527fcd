"""``manage.py prune_sessions``: forget logins that are over; run it once a day."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from users import domain


class Command(BaseCommand):
    """Removes expired and revoked logins."""

    help = "Remove logins whose refresh tokens are expired or revoked."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Remove them and say how many there were."""
        removed = domain.prune_sessions(timezone.now())
        self.stdout.write(f"Removed {removed} sessions.")
