"""``manage.py payments_totals``: sum what was taken and what was given back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from payments.models import Payment

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """One line, or one JSON object, per currency."""

    help = "Sum the captured and the refunded amounts by currency."

    def add_arguments(self, parser: CommandParser) -> None:
        """Let programs read the answer."""
        parser.add_argument("--json", action="store_true", help="Print one JSON list.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Print the totals."""
        rows = Payment.objects.totals()
        if options["json"]:
            self.stdout.write(json.dumps(rows))
            return
        for row in rows:
            self.stdout.write(
                "{currency} payments {payments} captured {captured} refunded {refunded}".format(
                    **row
                )
            )
