"""``manage.py reconcile_payments``: ask the provider what became of payments left in between."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from payments import domain
from quintet.management.repeating import RepeatingCommand


class Command(RepeatingCommand):
    """Exits 0 when nothing is left in between, 1 when the provider did not answer again."""

    help = "Settle the payments that a crash or a silent provider left in between."

    def round(self, **_: Any) -> str:
        """Ask about each payment that is in between."""
        reconciled = domain.reconcile(timezone.now())
        if reconciled.unknown:
            raise CommandError(
                f"The provider is silent about {reconciled.unknown} payments, "
                f"{reconciled.settled} were settled; run reconcile_payments again."
            )
        return f"settled {reconciled.settled}"
