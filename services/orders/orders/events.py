"""Messages out: what has become of an order, for whoever cares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from quintet.events.declared import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderConfirmed(Event):
    """The money was taken and the goods were handed over."""

    name: ClassVar[str] = "orders.order.confirmed"
    key: ClassVar[str] = "reference"

    reference: str
    user_id: int
    total_amount: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCancelled(Event):
    """The money and the goods of a confirmed order were given back."""

    name: ClassVar[str] = "orders.order.cancelled"
    key: ClassVar[str] = "reference"

    reference: str
