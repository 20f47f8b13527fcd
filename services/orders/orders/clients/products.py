"""What orders asks of products: to put goods aside, to hand them over or to take them back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orders.clients.blame import expect, expecting
from orders.clients.generated.products import ProductsApi, ReserveRequest, WishRequest
from quintet.errors import (
    BusinessLogicException,
    ConflictException,
    ExternalServiceException,
    NotFoundException,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orders.clients.generated.products import ReserveAnswer, ReserveLine

HIGHEST_TOTAL: Final = 2**63 - 1
LONGEST_NAME: Final = 255
CURRENCY: Final = re.compile("[A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedLine:
    """A product at the price that was valid when it was reserved."""

    product_id: int
    name: str
    unit_price_amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Goods put aside for an order, and what they cost together."""

    lines: Mapping[int, PricedLine]
    total_amount: int
    currency: str


class ProductsClient:
    """Asks products to put goods aside, to hand them over or to take them back."""

    def __init__(self) -> None:
        self._products = ProductsApi()

    def reserve(self, reference: str, quantities: Mapping[int, int]) -> Reservation:
        """Put the quantities of the products aside and return what they cost."""
        wishes = tuple(
            WishRequest(product_id=key, quantity=value) for key, value in quantities.items()
        )
        with expecting(self._products.service):
            try:
                made = self._products.reserve(
                    ReserveRequest(reference=reference, lines=wishes), idempotency_key=reference
                )
            except NotFoundException as error:
                raise BusinessLogicException(
                    "A product of this order does not exist.", business_rule="unknown_product"
                ) from error
        return self._reservation(made, wanted=quantities)

    def commit(self, reference: str) -> None:
        """Hand the reserved goods over, unless the reservation is gone."""
        with expecting(self._products.service):
            try:
                made = self._products.commit(reference, idempotency_key=reference)
            except (ConflictException, NotFoundException) as error:
                raise BusinessLogicException(
                    "The goods are no longer reserved.", business_rule="reservation_gone"
                ) from error
        expect(made.status, "committed", service=self._products.service)

    def release(self, reference: str) -> None:
        """Return the goods to the stock, whether they were reserved, handed over or neither."""
        with expecting(self._products.service):
            self._products.release(reference, idempotency_key=reference)

    def _reservation(self, made: ReserveAnswer, *, wanted: Mapping[int, int]) -> Reservation:
        lines = [self._line(line) for line in made.lines]
        reservation = Reservation(
            lines={line.product_id: line for line in lines},
            total_amount=made.total_amount,
            currency=made.currency,
        )
        if reservation.lines.keys() != wanted.keys():
            raise self._senseless("reserved other goods")
        total = sum(line.unit_price_amount * wanted[line.product_id] for line in lines)
        if reservation.total_amount != total or not 0 <= total <= HIGHEST_TOTAL:
            raise self._senseless("added its prices up wrongly")
        if CURRENCY.fullmatch(reservation.currency) is None:
            raise self._senseless("named no currency")
        return reservation

    def _line(self, line: ReserveLine) -> PricedLine:
        if line.unit_price_amount < 0 or len(line.name) > LONGEST_NAME or "\x00" in line.name:
            raise self._senseless("described no goods")
        return PricedLine(
            product_id=line.product_id, name=line.name, unit_price_amount=line.unit_price_amount
        )

    def _senseless(self, what: str) -> ExternalServiceException:
        service = self._products.service
        return ExternalServiceException(f"{service} {what}.", service)
