"""``manage.py release_expired_reservations``: return what was put aside for too long."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, connections
from django.utils import timezone

from products import domain

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """Can be repeated, and run several times at once."""

    help = "Return goods to the stock whose reservation has expired."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a rhythm."""
        parser.add_argument(
            "--every-seconds", type=float, default=None, help="Run again and again, this far apart."
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Run once, or for ever."""
        while True:
            try:
                released = domain.release_expired(timezone.now())
                self.stdout.write(f"Released {released} reservations.")
            except (OperationalError, InterfaceError):
                if options["every_seconds"] is None:
                    raise
                self.stderr.write("The database cannot be reached; the next round tries again.")
                connections.close_all()
            if options["every_seconds"] is None:
                break
            time.sleep(options["every_seconds"])
