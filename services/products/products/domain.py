"""The catalogue, and a stock that many customers take from at once.

    (nothing) ─▶ reserved ─▶ committed
        │            └────────────┴──▶ released
        └────────────────────────────▶ released    a release that overtook its reservation

Each change is one short transaction. It locks the reservation first and then the products in the
order of their keys, so that two of them never wait for each other in a circle. Should somebody else
do, such as a statement by hand, what is lost is tried again.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from prometheus_client import Counter

from products.models import Product, Reservation, ReservationLine, Status, StockReceipt
from quintet import conf
from quintet.database import retrying
from quintet.errors import BusinessLogicException, ConflictException, NotFoundException
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

log = get_logger(__name__)

RESERVATIONS = Counter("stock_reservations", "Reservations by what became of them.", ["outcome"])


class SkuTaken(BusinessLogicException):
    """Another product has this sku."""

    def __init__(self) -> None:
        super().__init__("A product with this sku exists.", business_rule="unique_sku")


def add(*, stock: int = 0, **columns: Any) -> Product:
    """Put a product into the catalogue; its first stock is booked like every later delivery."""
    with _unique_sku(columns), transaction.atomic():
        product = Product.objects.create(stock=stock, **columns)
        if stock:
            StockReceipt.objects.create(product=product, reference="", quantity=stock)
    log.info("product added", product_id=product.pk, stock=stock)
    return product


def change(product: Product, changes: Mapping[str, Any]) -> Product:
    """Write only these columns; the stock is none of them, so no delivery or sale is undone."""
    with _unique_sku(changes), transaction.atomic():
        mine = Product.objects.filter(pk=product.pk)
        if not mine.update(**changes, updated_at=timezone.now()):
            raise NotFoundException("This product was deleted.")
    log.info("product changed", product_id=product.pk, fields=sorted(changes))
    return mine.get()


@contextmanager
def _unique_sku(columns: Mapping[str, Any]) -> Iterator[None]:
    """Turn a duplicate that the database refused into the rule that was broken."""
    try:
        yield
    except IntegrityError as error:
        if Product.objects.filter(sku__iexact=columns.get("sku", "")).exists():
            raise SkuTaken from error
        raise


def remove(product: Product) -> None:
    """Delete a product that nobody ever reserved; deactivate one that stands in somebody's order.

    The row is locked against new lines, so none can appear between the question and the deed.
    """
    with transaction.atomic():
        mine = Product.objects.filter(pk=product.pk).select_for_update()
        locked = mine.first()
        if locked is None:
            return
        kept = locked.lines.exists()
        if kept:
            mine.update(is_active=False, updated_at=timezone.now())
        else:
            locked.delete()
    log.info("product removed", product_id=product.pk, kept_inactive=kept)


class ReferenceUsed(ConflictException):
    """The same reference was used before, and for something else."""


def restock(product: Product, *, quantity: int, reference: str) -> Product:
    """Book a delivery; the same reference and quantity again change nothing."""
    with transaction.atomic():
        locked = Product.objects.locked(product.pk).first()
        if locked is None:
            raise NotFoundException("This product was deleted.")
        receipt, created = StockReceipt.objects.get_or_create(
            product=locked, reference=reference, defaults={"quantity": quantity}
        )
        if receipt.quantity != quantity:
            raise ReferenceUsed(
                "This reference belongs to a delivery of another quantity.",
                details={"reference": reference, "quantity": receipt.quantity},
            )
        if created:
            _book({locked.pk: quantity})
    if created:
        log.info("stock received", product_id=product.pk, quantity=quantity, reference=reference)
    return Product.objects.get(pk=product.pk)


class UnknownProduct(NotFoundException):
    """A line names a product that does not exist."""


class ProductInactive(BusinessLogicException):
    """A line names a product that is not for sale any more."""

    def __init__(self, product_ids: list[int]) -> None:
        super().__init__("A product is not for sale.", business_rule="product_inactive")
        self.details["product_ids"] = product_ids


class MixedCurrencies(BusinessLogicException):
    """The lines cannot be paid for together."""

    def __init__(self, currencies: Iterable[str]) -> None:
        super().__init__(
            "All products of one reservation need the same currency.",
            business_rule="single_currency",
        )
        self.details["currencies"] = sorted(currencies)


class OutOfStock(BusinessLogicException):
    """There is less in stock than a line asks for."""

    def __init__(self, product_ids: list[int]) -> None:
        super().__init__("There is not enough in stock.", business_rule="out_of_stock")
        self.details["product_ids"] = product_ids


class ReservationReleased(ConflictException):
    """The goods were given back under this reference, for good."""


def reserve(reference: str, wanted: Mapping[int, int]) -> tuple[Reservation, bool]:
    """Put goods aside, all or none, and say whether that is new.

    The row of the reservation is written first: simultaneous requests with one reference wait for
    each other there, and the second one finds what the first one did.
    """
    with _refusals_counted():
        reservation, created = _reserve(reference, wanted)
    if created:
        _tell(reservation, lines=len(wanted))
    return reservation, created


@retrying()
def _reserve(reference: str, wanted: Mapping[int, int]) -> tuple[Reservation, bool]:
    expires_at = timezone.now() + timedelta(seconds=environment().RESERVATION_SECONDS)
    reservation, created = Reservation.objects.get_or_create(
        reference=reference, defaults={"expires_at": expires_at}
    )
    if created:
        _put_aside(reservation, wanted)
    else:
        _require_same(reservation, wanted)
    return reservation, created


def commit(reference: str) -> Reservation:
    """Hand reserved goods over; an expired reservation counts as long as nobody released it."""
    reservation, changed = _commit(reference)
    if changed:
        _tell(reservation)
    return reservation


@retrying()
def _commit(reference: str) -> tuple[Reservation, bool]:
    reservation = Reservation.objects.select_for_update().filter(reference=reference).first()
    if reservation is None:
        raise NotFoundException("Nothing is reserved under this reference.")
    if reservation.status == Status.RELEASED:
        raise _released(reference)
    return reservation, _turn(reservation, Status.COMMITTED)


def release(reference: str) -> Reservation:
    """Return goods to the stock, whether they were reserved, handed over, or never asked for.

    An unknown reference is written down as released: the reservation may still be on its way.
    """
    reservation, created, changed = _release(reference)
    if created or changed:
        _tell(reservation, unknown=created)
    return reservation


@retrying()
def _release(reference: str) -> tuple[Reservation, bool, bool]:
    reservation, created = Reservation.objects.select_for_update().get_or_create(
        reference=reference, defaults={"status": Status.RELEASED, "expires_at": timezone.now()}
    )
    return reservation, created, not created and _return(reservation)


def release_expired(now: datetime) -> int:
    """Return what was put aside for too long, one reservation per transaction; say how many."""
    released = 0
    while _release_one(now):
        released += 1
    return released


def _release_one(now: datetime) -> bool:
    with transaction.atomic():
        waiting = Reservation.objects.expired(now).order_by("expires_at", "pk")
        reservation = waiting.select_for_update(skip_locked=True).first()
        if reservation is None:
            return False
        _return(reservation)
    _tell(reservation, expired=True)
    return True


def _put_aside(reservation: Reservation, wanted: Mapping[int, int]) -> None:
    products = {product.pk: product for product in Product.objects.locked(*wanted)}
    _require_sellable(products, wanted)
    short = [pk for pk, quantity in wanted.items() if products[pk].stock < quantity]
    if short:
        raise OutOfStock(sorted(short))
    _book({pk: -quantity for pk, quantity in wanted.items()})
    ReservationLine.objects.bulk_create(
        ReservationLine(
            reservation=reservation,
            product=product,
            quantity=wanted[product.pk],
            unit_price_amount=product.price_amount,
            currency=product.currency,
            name=product.name,
        )
        for product in products.values()
    )


def _require_sellable(products: Mapping[int, Product], wanted: Mapping[int, int]) -> None:
    missing = wanted.keys() - products.keys()
    if missing:
        raise UnknownProduct(f"There is no product {min(missing)}.")
    inactive = [pk for pk, product in products.items() if not product.is_active]
    if inactive:
        raise ProductInactive(inactive)
    currencies = {product.currency for product in products.values()}
    if len(currencies) > 1:
        raise MixedCurrencies(currencies)


def _require_same(reservation: Reservation, wanted: Mapping[int, int]) -> None:
    if reservation.status == Status.RELEASED:
        raise _released(reservation.reference)
    if reservation.quantities() != wanted:
        raise ReferenceUsed(
            "This reference belongs to a reservation of other goods.",
            details={"reference": reservation.reference},
        )


def _released(reference: str) -> ReservationReleased:
    return ReservationReleased(
        "What was reserved under this reference was released.", details={"reference": reference}
    )


def _return(reservation: Reservation) -> bool:
    changed = _turn(reservation, Status.RELEASED)
    if changed:
        _book(reservation.quantities())
    return changed


def _turn(reservation: Reservation, to: Status) -> bool:
    if reservation.status == to:
        return False
    reservation.status, reservation.updated_at = to, timezone.now()
    reservation.save(update_fields=["status", "updated_at"])
    return True


def _book(quantities: Mapping[int, int]) -> None:
    """Add to the stock of each product, or take from it; the database refuses to go below zero."""
    for pk, quantity in sorted(quantities.items()):
        Product.objects.filter(pk=pk).update(stock=F("stock") + quantity)


def _tell(reservation: Reservation, **facts: Any) -> None:
    """Count and log what became of a reservation, once that is committed."""
    RESERVATIONS.labels(outcome=reservation.status).inc()
    log.info(
        "reservation changed",
        reference=reservation.reference,
        status=reservation.status,
        **facts,
    )


def environment() -> Any:
    """Give the settings, of which only ``settings.py`` knows the exact class."""
    return conf.current()


@contextmanager
def _refusals_counted() -> Iterator[None]:
    try:
        yield
    except BusinessLogicException as error:
        RESERVATIONS.labels(outcome=error.business_rule).inc()
        raise
