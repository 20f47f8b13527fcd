"""Finish the orders that a crash or an unreachable service left in between."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, connections
from django.utils import timezone

from orders import domain
from quintet import conf

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """Exits 0 when nothing is left in between, 1 when another service could not be reached."""

    help = "Finish the orders that a crash or an unreachable service left in between."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the age below which an order belongs to a running request, and a rhythm."""
        parser.add_argument(
            "--age-seconds",
            type=float,
            default=None,
            help="Leave alone what was advanced within this time (default: RESUME_AFTER_SECONDS).",
        )
        parser.add_argument(
            "--every-seconds", type=float, default=None, help="Run again and again, this far apart."
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Run once, or for ever."""
        env: Any = conf.current()
        seconds = options["age_seconds"]
        if seconds is None:
            seconds = env.RESUME_AFTER_SECONDS
        if not seconds >= 0:
            raise CommandError("--age-seconds has to be 0 or more: no order is from the future.")
        age = timedelta(seconds=seconds)
        while True:
            try:
                resumed = domain.resume(before=timezone.now() - age)
                self.stdout.write(f"finished {resumed.finished}, waiting {resumed.waiting}")
            except (OperationalError, InterfaceError):
                if options["every_seconds"] is None:
                    raise
                self.stderr.write("The database cannot be reached; the next round tries again.")
            if options["every_seconds"] is None:
                break
            connections.close_all()
            time.sleep(options["every_seconds"])
        if resumed.waiting:
            raise CommandError(
                f"{resumed.waiting} orders wait for a service that could not be reached; "
                "run resume_orders again."
            )
