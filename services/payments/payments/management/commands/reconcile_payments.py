"""``manage.py reconcile_payments``: ask the provider what became of payments left in between."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, connections
from django.utils import timezone

from payments import domain

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """Exits 0 when nothing is left in between, 1 when the provider did not answer again."""

    help = "Settle the payments that a crash or a silent provider left in between."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a rhythm."""
        parser.add_argument(
            "--every-seconds", type=float, default=None, help="Run again and again, this far apart."
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Run once, or for ever."""
        while True:
            try:
                reconciled = domain.reconcile(timezone.now())
                self.stdout.write(f"settled {reconciled.settled}, unknown {reconciled.unknown}")
            except (OperationalError, InterfaceError):
                if options["every_seconds"] is None:
                    raise
                self.stderr.write("The database cannot be reached; the next round tries again.")
                connections.close_all()
            if options["every_seconds"] is None:
                break
            time.sleep(options["every_seconds"])
        if reconciled.unknown:
            raise CommandError(
                f"The provider is silent about {reconciled.unknown} payments; "
                "run reconcile_payments again."
            )
