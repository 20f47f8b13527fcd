"""Messages in: an order that was paid for has a receipt, and one that is cancelled has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from payments import domain
from payments.tasks import render_receipt
from quintet.events.declared import Event
from quintet.events.handling import handles


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderConfirmed(Event):
    """Of an order that was confirmed, what stands on its receipt."""

    name: ClassVar[str] = "orders.order.confirmed"
    key: ClassVar[str] = "reference"

    reference: str
    user_id: int
    total_amount: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCancelled(Event):
    """Of an order that was cancelled, which one it is."""

    name: ClassVar[str] = "orders.order.cancelled"
    key: ClassVar[str] = "reference"

    reference: str


@handles(OrderConfirmed)
def issue_receipt(event: OrderConfirmed) -> None:
    """Give the order a receipt, whose document is written a moment later."""
    domain.issue_receipt(
        event.reference,
        user_id=event.user_id,
        amount=event.total_amount,
        currency=event.currency,
    )
    render_receipt.enqueue(event.reference)


@handles(OrderCancelled)
def cancel_receipt(event: OrderCancelled) -> None:
    """Cancel the receipt of the order."""
    domain.cancel_receipt(event.reference)
