"""What orders asks of users, products and payments, and the little of their answers it needs.

Whatever products and payments are asked carries the reference of the order, and they do it once for
each: so it is the key as well, and a call that got no answer is repeated.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from quintet.clients import ServiceClient, path
from quintet.errors import (
    BusinessLogicException,
    ConflictException,
    ExternalServiceException,
    Kind,
    NotFoundException,
    ServiceException,
    ValidationException,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

T = TypeVar("T")

HIGHEST_TOTAL: Final = 2**63 - 1
LONGEST_NAME: Final = 255
CURRENCY: Final = re.compile("[A-Z]{3}")

# What the shopper may be told as it is; any other refusal is a quarrel between two services.
PASSED_ON: Final = {Kind.RULE, Kind.EXTERNAL, Kind.UNAVAILABLE, Kind.DEADLINE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shopper:
    """A user, as far as an order is concerned."""

    id: int
    is_active: bool


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


class UsersClient(ServiceClient):
    """Asks users who somebody is."""

    service = "users"

    def shopper(self, user_id: int) -> Shopper:
        """Return the user; one that is gone counts as inactive."""
        with _expecting(self.service):
            try:
                found = self.get(path("/api/v1/users/{id}/", id=user_id))
            except NotFoundException:
                return Shopper(id=user_id, is_active=False)
        return Shopper(id=user_id, is_active=_read(found, "is_active", bool, service=self.service))


class ProductsClient(ServiceClient):
    """Asks products to put goods aside, to hand them over or to take them back."""

    service = "products"

    def reserve(self, reference: str, quantities: Mapping[int, int]) -> Reservation:
        """Put the quantities of the products aside and return what they cost."""
        wanted = [{"product_id": key, "quantity": value} for key, value in quantities.items()]
        with _expecting(self.service):
            try:
                made = self.post(
                    "/internal/v1/reservations/",
                    {"reference": reference, "lines": wanted},
                    idempotency_key=reference,
                )
            except NotFoundException as error:
                raise BusinessLogicException(
                    "A product of this order does not exist.", business_rule="unknown_product"
                ) from error
        return self._reservation(made, wanted=quantities)

    def commit(self, reference: str) -> None:
        """Hand the reserved goods over, unless the reservation is gone."""
        with _expecting(self.service):
            try:
                made = self.post(
                    path("/internal/v1/reservations/{reference}/commit/", reference=reference),
                    idempotency_key=reference,
                )
            except (ConflictException, NotFoundException) as error:
                raise BusinessLogicException(
                    "The goods are no longer reserved.", business_rule="reservation_gone"
                ) from error
        _expect(made, "committed", service=self.service)

    def release(self, reference: str) -> None:
        """Return the goods to the stock, whether they were reserved, handed over or neither."""
        with _expecting(self.service):
            self.post(
                path("/internal/v1/reservations/{reference}/release/", reference=reference),
                idempotency_key=reference,
            )

    def _reservation(self, made: Any, *, wanted: Mapping[int, int]) -> Reservation:
        lines = [self._line(line) for line in _read(made, "lines", list, service=self.service)]
        reservation = Reservation(
            lines={line.product_id: line for line in lines},
            total_amount=_read(made, "total_amount", int, service=self.service),
            currency=_read(made, "currency", str, service=self.service),
        )
        if reservation.lines.keys() != wanted.keys():
            raise ExternalServiceException("products reserved other goods.", self.service)
        total = sum(line.unit_price_amount * wanted[line.product_id] for line in lines)
        if reservation.total_amount != total or not 0 <= total <= HIGHEST_TOTAL:
            raise ExternalServiceException("products added its prices up wrongly.", self.service)
        if CURRENCY.fullmatch(reservation.currency) is None:
            raise ExternalServiceException("products named no currency.", self.service)
        return reservation

    def _line(self, line: Any) -> PricedLine:
        read = PricedLine(
            product_id=_read(line, "product_id", int, service=self.service),
            name=_read(line, "name", str, service=self.service),
            unit_price_amount=_read(line, "unit_price_amount", int, service=self.service),
        )
        if read.unit_price_amount < 0 or len(read.name) > LONGEST_NAME or "\x00" in read.name:
            raise ExternalServiceException("products described no goods.", self.service)
        return read


class PaymentsClient(ServiceClient):
    """Asks payments to hold, take and return money."""

    service = "payments"

    def authorise(
        self, reference: str, *, user_id: int, amount: int, currency: str, method: str
    ) -> None:
        """Hold the amount; what the buyer chose may be something that payments does not take."""
        wanted = {
            "reference": reference,
            "user_id": user_id,
            "amount": amount,
            "currency": currency,
            "method": method,
        }
        with _expecting(self.service):
            try:
                made = self.post("/internal/v1/payments/", wanted, idempotency_key=reference)
            except ValidationException as error:
                raise BusinessLogicException(
                    "This amount cannot be paid by this method.",
                    business_rule="payment_not_accepted",
                ) from error
        _expect(made, "authorised", service=self.service)

    def capture(self, reference: str) -> None:
        """Take the money that is held."""
        with _expecting(self.service):
            made = self.post(
                path("/internal/v1/payments/{reference}/capture/", reference=reference),
                idempotency_key=reference,
            )
        _expect(made, "captured", service=self.service)

    def give_back(self, reference: str) -> None:
        """Let the money go, or return it if it was taken; void decides which of both it is."""
        with _expecting(self.service):
            try:
                self._undo("void", reference)
            except ConflictException:
                self._undo("refund", reference)

    def _undo(self, deed: str, reference: str) -> None:
        self.post(
            path(f"/internal/v1/payments/{{reference}}/{deed}/", reference=reference),
            idempotency_key=reference,
        )


@contextmanager
def _expecting(service: str) -> Iterator[None]:
    """Raise what the shopper cannot mend as the fault of the service: 502, not 401, 403 or 409."""
    try:
        yield
    except ServiceException as error:
        if error.kind in PASSED_ON:
            raise
        raise ExternalServiceException(
            f"{service} did not accept a request of orders.", service
        ) from error


def _expect(answer: Any, status: str, *, service: str) -> None:
    """Believe that something was done only when the service says so, whatever its HTTP status."""
    if _read(answer, "status", str, service=service) != status:
        raise ExternalServiceException(f"{service} answered, but not that it is done.", service)


def _read(answer: Any, name: str, kind: type[T], *, service: str) -> T:
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
        raise ExternalServiceException(f"The answer of {service} has no valid {name}.", service)
    return value
