"""What happens in a shop, as it says it and as others read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from quintet.events.declared import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed(Event):
    name: ClassVar[str] = "shop.order.placed"
    key: ClassVar[str] = "order_id"

    order_id: int
    amount: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedAgain(Event):
    """The version after it."""

    name: ClassVar[str] = "shop.order.placed"
    key: ClassVar[str] = "order_id"
    version: ClassVar[int] = 2

    order_id: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed(Event):
    """The first version, as somebody reads it who needs little of it."""

    name: ClassVar[str] = "shop.order.placed"
    key: ClassVar[str] = "order_id"

    order_id: int
