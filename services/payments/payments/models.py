"""The tables that the payments service alone owns, and the rules that the database itself keeps."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.db import models, transaction
from django.db.models import Count, F, Q, Sum
from django.utils import timezone

if TYPE_CHECKING:
    from datetime import datetime

LONGEST_REFERENCE: Final = 64
LONGEST_METHOD: Final = 64
HIGHEST_AMOUNT: Final = 10**18

REFERENCE: Final = r"[A-Za-z][A-Za-z0-9._-]{0,63}"

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
    """How far a payment has come; while a name ends in -ing, the provider is being asked."""

    AUTHORISING = "authorising"
    AUTHORISED = "authorised"
    DECLINED = "declined"
    CAPTURING = "capturing"
    CAPTURED = "captured"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    VOIDING = "voiding"
    VOIDED = "voided"


IN_BETWEEN: Final = (Status.AUTHORISING, Status.CAPTURING, Status.REFUNDING, Status.VOIDING)


class PaymentQuerySet(models.QuerySet["Payment"]):
    """The questions that are asked about payments."""

    def left_behind(self, now: datetime) -> PaymentQuerySet:
        """Narrow down to payments in between that no request is working on any more."""
        return self.filter(status__in=IN_BETWEEN, leased_until__lte=now)

    def totals(self) -> list[dict[str, Any]]:
        """Sum per currency what was taken and what was given back."""
        sums = {
            "payments": Count("pk"),
            "captured": Sum("captured_amount"),
            "refunded": Sum("refunded_amount"),
        }
        of_currencies = self.exclude(currency="").order_by("currency").values("currency")
        return [dict(row) for row in of_currencies.annotate(**sums)]


class Payment(models.Model):
    """Money of one user under one reference; without an amount it is the trace of an early void.

    ``version`` rises with each change, and ``leased_until`` says how long the request that made the
    last one may be waiting for the provider: nobody else speaks to it before.
    """

    reference = models.CharField(max_length=LONGEST_REFERENCE, unique=True)
    user_id = models.BigIntegerField(null=True)
    amount = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3, blank=True, default="")
    method = models.CharField(max_length=LONGEST_METHOD, blank=True, default="")
    status = models.CharField(max_length=16, choices=Status.choices)
    captured_amount = models.BigIntegerField(default=0)
    refund_amount = models.BigIntegerField(default=0)
    refunded_amount = models.BigIntegerField(default=0)
    refusal = models.CharField(max_length=64, blank=True, default="")
    version = models.PositiveIntegerField(default=1)
    leased_until = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["user_id", "-id"], name="payments_of_user"),
            models.Index(
                fields=["leased_until"],
                name="payments_in_between",
                condition=Q(status__in=sorted(IN_BETWEEN)),
            ),
        ]
        # A check passes unless it is false, and NULL >= 1 is neither true nor false: hence isnull.
        constraints: ClassVar = [
            models.CheckConstraint(name="payments_status", condition=Q(status__in=Status.values)),
            models.CheckConstraint(
                name="payments_amount",
                condition=Q(amount__isnull=False, amount__gte=1, user_id__isnull=False)
                | Q(amount__isnull=True, status=Status.VOIDED),
            ),
            models.CheckConstraint(
                name="payments_captured",
                condition=Q(captured_amount=0)
                | Q(amount__isnull=False, captured_amount__gte=1, captured_amount__lte=F("amount")),
            ),
            models.CheckConstraint(
                name="payments_refunded",
                condition=Q(refunded_amount__gte=0, refunded_amount__lte=F("captured_amount")),
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    def swap(self, *, lease_seconds: float = 0.0, **facts: Any) -> bool:
        """Commit facts if nobody has changed the row since it was read, and say whether they count.

        With a lease, the caller is the only one who may speak to the provider until it ends. Since
        that is what callers do next, this refuses to run inside another transaction.
        """
        now = timezone.now()
        facts |= {
            "version": self.version + 1,
            "updated_at": now,
            "leased_until": now + timedelta(seconds=lease_seconds),
        }
        with transaction.atomic(durable=True):
            written = Payment.objects.filter(pk=self.pk, version=self.version).update(**facts)
        if not written:
            return False
        for name, value in facts.items():
            setattr(self, name, value)
        return True


class SimulatorPage(models.Model):
    """What the simulated provider remembers of one reference; no other code reads or writes it."""

    reference = models.CharField(max_length=LONGEST_REFERENCE, unique=True)
    held = models.BigIntegerField(default=0)
    captured = models.BigIntegerField(default=0)
    refunded = models.BigIntegerField(default=0)
    voided = models.BooleanField(default=False)
    answers = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.reference


class ReceiptQuerySet(models.QuerySet["Receipt"]):
    """The questions that are asked about receipts."""

    def blank_since(self, moment: datetime) -> ReceiptQuerySet:
        """Narrow down to receipts whose document should have been written by now."""
        return self.filter(document="", issued_at__lte=moment)


class Receipt(models.Model):
    """What somebody has paid for an order; the numbers have no gap, and none is given twice."""

    number = models.BigIntegerField(unique=True)
    reference = models.CharField(max_length=LONGEST_REFERENCE, unique=True)
    user_id = models.BigIntegerField()
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    issued_at = models.DateTimeField(default=timezone.now)
    cancelled_at = models.DateTimeField(null=True)
    document = models.TextField(blank=True, default="", db_default="")
    """The text that is shown and printed: empty until it was written, and never changed after."""

    objects = ReceiptQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-number"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user_id", "-number"], name="payments_receipts_of_user"),
            models.Index(
                fields=["issued_at"], name="payments_receipts_blank", condition=Q(document="")
            ),
        ]

    def __str__(self) -> str:
        """Return the number, as a person would read it."""
        return f"receipt {self.number}"


class ReceiptSeries(models.Model):
    """The number that was given last; whoever takes the next one locks this row until he commits.

    A sequence of the database would leave a gap where a transaction is rolled back.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    last = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        """Return the number that was given last."""
        return str(self.last)

    @classmethod
    def take(cls) -> int:
        """Take the next number, in the transaction of what it is given to."""
        cls.objects.get_or_create(pk=1)
        series = cls.objects.select_for_update().get(pk=1)
        series.last += 1
        series.save()
        return series.last
