"""Work for later: documents of receipts, and payments that were left in between."""

from __future__ import annotations

from django.utils import timezone

from payments import domain
from quintet.tasks import every, task
from quintet.telemetry.logs import get_logger

log = get_logger(__name__)


@task
def render_receipt(reference: str) -> None:
    """Write the document of a receipt."""
    domain.render_receipt(reference)


@every(seconds=60)
@task(attempts=1)
def render_left_receipts() -> None:
    """Write the documents whose task was lost."""
    if found := domain.render_left_receipts(timezone.now()):
        log.warning("receipts had no document", receipts=found)


@every(seconds=60)
@task(attempts=1)
def reconcile() -> None:
    """Ask the provider what became of payments that were left in between."""
    reconciled = domain.reconcile(timezone.now())
    if reconciled.unknown:
        log.warning("the provider is silent", payments=reconciled.unknown)
