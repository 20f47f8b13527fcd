"""Finish the orders that a crash or an unreachable service left in between."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.utils import timezone

from orders import domain
from quintet import conf
from quintet.management.repeating import RepeatingCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(RepeatingCommand):
    """Exits 0 when nothing is left in between, 1 when another service could not be reached."""

    help = "Finish the orders that a crash or an unreachable service left in between."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the age below which an order belongs to a running request, and a rhythm."""
        super().add_arguments(parser)
        parser.add_argument(
            "--age-seconds",
            type=float,
            default=None,
            help="Leave alone what was advanced within this time (default: RESUME_AFTER_SECONDS).",
        )

    def round(self, **options: Any) -> str:
        """Finish each order that nobody has advanced for a while."""
        resumed = domain.resume(before=timezone.now() - _age(options["age_seconds"]))
        if resumed.waiting:
            raise CommandError(
                f"{resumed.waiting} orders wait for a service that could not be reached, "
                f"{resumed.finished} were finished; run resume_orders again."
            )
        return f"finished {resumed.finished}"


def _age(seconds: float | None) -> timedelta:
    env: Any = conf.current()
    given = env.RESUME_AFTER_SECONDS if seconds is None else seconds
    if not given >= 0:
        raise CommandError("--age-seconds has to be 0 or more: no order is from the future.")
    return timedelta(seconds=given)
