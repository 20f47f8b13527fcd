"""The tables that the products service alone owns, and the rules that the database itself keeps.

What came into the stock of a product is in its receipts, what left it is in the lines of
reservations, and what is there is in its row: the three always add up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, OuterRef, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Lower
from django.utils import timezone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

LONGEST_REFERENCE: Final = 64
LONGEST_SKU: Final = 64
LONGEST_NAME: Final = 200
LONGEST_DESCRIPTION: Final = 5000
HIGHEST_PRICE: Final = 10**12
MOST_AT_ONCE: Final = 10**6

REFERENCE: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
SKU: Final = RegexValidator(
    r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z", "Letters and digits, with . _ - inside."
)

# The active codes of ISO 4217 that money can be paid in; funds, metals and test codes are not.
_CODES: Final = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP "
    "BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP "
    "GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR "
    "KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK "
    "MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR "
    "SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS "
    "UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"
)
CURRENCIES: Final = frozenset(_CODES.split())


class Status(models.TextChoices):
    """What became of goods that were put aside."""

    RESERVED = "reserved"
    COMMITTED = "committed"
    RELEASED = "released"


class ProductQuerySet(models.QuerySet["Product"]):
    """The questions that are asked about products."""

    def active(self) -> ProductQuerySet:
        """Narrow down to what is for sale."""
        return self.filter(is_active=True)

    def locked(self, *pks: int) -> ProductQuerySet:
        """Lock rows in the order of their keys, so that two transactions never wait in a circle."""
        return self.filter(pk__in=pks).order_by("pk").select_for_update(no_key=True)

    def with_books(self) -> ProductQuerySet:
        """Add what was received, is reserved and was sold, each summed from its own rows."""
        return self.annotate(
            received=_sum_of(StockReceipt.objects.all()),
            reserved=_sum_of(ReservationLine.objects.filter(reservation__status=Status.RESERVED)),
            sold=_sum_of(ReservationLine.objects.filter(reservation__status=Status.COMMITTED)),
        )

    def unbalanced(self) -> ProductQuerySet:
        """Narrow down to products whose books do not add up; there should never be any."""
        accounted = F("stock") + F("reserved") + F("sold")
        return self.with_books().alias(missing=F("received") - accounted).exclude(missing=0)


def _sum_of(rows: models.QuerySet[Any]) -> Coalesce:
    mine = rows.filter(product=OuterRef("pk")).order_by().values("product")
    return Coalesce(Subquery(mine.annotate(sum=Sum("quantity")).values("sum")), Value(0))


class Product(models.Model):
    """Something for sale; its stock is what nobody has reserved or bought."""

    sku = models.CharField(max_length=LONGEST_SKU, validators=[SKU])
    name = models.CharField(max_length=LONGEST_NAME)
    description = models.TextField(max_length=LONGEST_DESCRIPTION, blank=True, default="")
    price_amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    stock = models.BigIntegerField(default=0)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("sku"), name="unique_sku"),
            models.CheckConstraint(
                name="products_stock_not_negative", condition=models.Q(stock__gte=0)
            ),
            models.CheckConstraint(
                name="products_price_positive", condition=models.Q(price_amount__gte=1)
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["price_amount"], name="products_price"),
            models.Index(fields=["name"], name="products_name"),
        ]

    def __str__(self) -> str:
        return self.sku


class StockReceipt(models.Model):
    """Goods that came in; the reference makes sure that they are counted once."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="receipts")
    reference = models.CharField(max_length=LONGEST_REFERENCE, blank=True)
    quantity = models.BigIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["product", "reference"], name="receipts_reference"),
            models.CheckConstraint(
                name="receipts_quantity_positive", condition=models.Q(quantity__gte=1)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} by {self.reference or 'the first delivery'}"


class ReservationQuerySet(models.QuerySet["Reservation"]):
    """The questions that are asked about reservations."""

    def expired(self, now: datetime) -> ReservationQuerySet:
        """Narrow down to goods that were put aside for too long."""
        return self.filter(status=Status.RESERVED, expires_at__lte=now)


class Reservation(models.Model):
    """Goods put aside under a reference; without lines it is the trace of an early release."""

    reference = models.CharField(max_length=LONGEST_REFERENCE, unique=True)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.RESERVED)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = ReservationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="reservations_status", condition=models.Q(status__in=Status.values)
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["expires_at"],
                name="reservations_expiry",
                condition=models.Q(status=Status.RESERVED),
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def total_amount(self) -> int:
        """What all lines cost together."""
        return sum(line.quantity * line.unit_price_amount for line in self.lines.all())

    @property
    def currency(self) -> str:
        """The one currency of all lines; empty without any."""
        return next((line.currency for line in self.lines.all()), "")

    def quantities(self) -> Mapping[int, int]:
        """Map each product to how many of it are put aside."""
        return {line.product_id: line.quantity for line in self.lines.all()}


class ReservationLine(models.Model):
    """A product, how many of it, and its name and price at the moment of the reservation."""

    reservation = models.ForeignKey(Reservation, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="lines")
    quantity = models.BigIntegerField()
    unit_price_amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    name = models.CharField(max_length=LONGEST_NAME)

    class Meta:
        ordering: ClassVar = ["product_id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["reservation", "product"], name="reservation_lines_product_once"
            ),
            models.CheckConstraint(
                name="reservation_lines_quantity_positive", condition=models.Q(quantity__gte=1)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.name}"
