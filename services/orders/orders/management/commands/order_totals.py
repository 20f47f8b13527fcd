"""Count the orders and sum their amounts, to be compared with what payments took."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand
from django.db.models import Count, Sum

from orders.models import Order

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """One line, or one JSON object, per status and currency."""

    help = "Count the orders and sum their amounts by status and currency."

    def add_arguments(self, parser: CommandParser) -> None:
        """Let programs read the answer."""
        parser.add_argument("--json", action="store_true", help="Print one JSON list.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Print the totals."""
        rows = list(
            Order.objects.order_by("status", "currency")
            .values("status", "currency")
            .annotate(count=Count("pk"), amount=Sum("total_amount", default=0))
        )
        if options["json"]:
            self.stdout.write(json.dumps(rows))
            return
        for row in rows:
            self.stdout.write("{status} {currency} {count} {amount}".format(**row))
