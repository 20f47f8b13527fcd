"""``manage.py check_stock``: does what came in equal what is there, reserved and sold?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Sum

from products.models import Product

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

COLUMNS = ("received", "stock", "reserved", "sold")


class Command(BaseCommand):
    """Exits 1 when the books of a product do not add up, and names it."""

    help = "Check that what was received equals stock + reserved + sold, for every product."

    def add_arguments(self, parser: CommandParser) -> None:
        """Let programs read the answer."""
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Print the sums over all products, then judge each of them."""
        books = Product.objects.with_books()
        totals = books.aggregate(
            **{f"all_{name}": Sum(name, default=0) for name in COLUMNS},
        )
        unbalanced = list(Product.objects.unbalanced().values_list("sku", flat=True))
        report = {name: int(totals[f"all_{name}"]) for name in COLUMNS}
        if options["json"]:
            self.stdout.write(json.dumps({**report, "unbalanced": unbalanced}))
        else:
            self.stdout.write(" ".join(f"{name} {sum_}" for name, sum_ in report.items()))
        if unbalanced:
            raise CommandError(f"The books do not add up for {', '.join(unbalanced)}.")
