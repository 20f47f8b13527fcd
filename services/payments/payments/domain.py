"""Money that is held, taken, returned or let go: each of it once, whatever gets lost on the way.

    authorising ─▶ authorised ─▶ capturing ─▶ captured ─▶ refunding ─▶ refunded
       │    │          └─▶ voiding ─▶ voided
       │    └───────────────▲          ▲
       ▼                               └── (nothing)    a void that overtook its authorisation
    declined

The intent is committed before the provider is told, and its answer after that; no transaction is
open in between. While a payment is in between, one request holds a lease on it. An instruction
whose answer got lost is sent again under the same key, which the provider does once: that is how a
retry, the next step, and ``reconcile`` learn what happened.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.utils import timezone
from prometheus_client import Counter

from payments.clients import Deed, Instruction, NoAnswer, provider
from payments.models import Payment, Receipt, ReceiptSeries, Status
from quintet import conf
from quintet.errors import (
    BusinessLogicException,
    ConflictException,
    DeadlineException,
    NotFoundException,
    UnavailableException,
)
from quintet.resilience import deadline
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

log = get_logger(__name__)

PAYMENTS = Counter("payment_steps", "Steps of payments by where they led.", ["status"])
LOOK_AGAIN_SECONDS: Final = 0.05
BOOKING_SECONDS: Final = 2.0
RENDERING_SECONDS: Final = 30.0
"""How long a task may take to write the document of a receipt, before somebody else does."""
RENDERED_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whose money to hold, how much, and by which card."""

    reference: str
    user_id: int
    amount: int
    currency: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What became of the payments that were left in between; `unknown` ones need another run."""

    settled: int
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What the provider is told in a status, and where its answer leads."""

    deed: Deed
    done: Status
    refused: Status


STEPS: Final = {
    Status.AUTHORISING: Step(deed=Deed.AUTHORISE, done=Status.AUTHORISED, refused=Status.DECLINED),
    Status.CAPTURING: Step(deed=Deed.CAPTURE, done=Status.CAPTURED, refused=Status.AUTHORISED),
    Status.REFUNDING: Step(deed=Deed.REFUND, done=Status.REFUNDED, refused=Status.CAPTURED),
    Status.VOIDING: Step(deed=Deed.VOID, done=Status.VOIDED, refused=Status.AUTHORISED),
}


class PaymentDeclined(BusinessLogicException):
    """The provider does not hold this money."""

    def __init__(self, payment: Payment) -> None:
        super().__init__("The payment was declined.", business_rule="payment_declined")
        self.details |= {"reference": payment.reference, "reason": payment.refusal}


class StepRefused(BusinessLogicException):
    """The provider refused to take, return or let go of the money."""

    def __init__(self, payment: Payment, deed: Deed) -> None:
        super().__init__(f"The provider refused to {deed}.", business_rule=f"{deed}_refused")
        self.details |= {"reference": payment.reference, "reason": payment.refusal}


class RefundExceedsCaptured(BusinessLogicException):
    """Nobody gets back more than was taken."""

    def __init__(self, captured_amount: int) -> None:
        super().__init__(
            "More cannot be refunded than was captured.", business_rule="refund_exceeds_captured"
        )
        self.details["captured_amount"] = captured_amount


class ReferenceUsed(ConflictException):
    """The same reference was used before, and for something else."""


class WrongState(ConflictException):
    """The payment has left the status in which this was possible."""


class StillRunning(UnavailableException):
    """Another request is asking the provider about this payment."""


class OutcomeUnknown(DeadlineException):
    """The provider did not answer; the same request again will tell, or a reconciliation."""


def authorise(wanted: Wanted) -> tuple[Payment, bool]:
    """Hold the money and say whether that is new; the same again gets the same answer."""
    payment, created = _begin(wanted)
    if created:
        _send(payment)
    else:
        _require_same(payment, wanted)
    _settle(payment)
    if payment.status == Status.DECLINED:
        raise PaymentDeclined(payment)
    if payment.status in {Status.VOIDING, Status.VOIDED}:
        raise _wrong(payment)
    return payment, created


def capture(reference: str) -> Payment:
    """Take the money that is held; once taken, taking it again changes nothing."""
    return _step(reference, Status.CAPTURING, facts=lambda _: {})


def refund(reference: str, *, amount: int | None = None) -> Payment:
    """Return the money that was taken, or a part of it, once."""

    def facts(payment: Payment) -> dict[str, Any]:
        if (amount or 0) > payment.captured_amount:
            raise RefundExceedsCaptured(payment.captured_amount)
        return {"refund_amount": amount or payment.captured_amount}

    payment = _step(reference, Status.REFUNDING, facts=facts)
    if payment.refunded_amount != (amount or payment.captured_amount):
        raise ReferenceUsed(
            "Another amount was refunded under this reference.",
            details={"reference": reference, "refunded_amount": payment.refunded_amount},
        )
    return payment


def void(reference: str) -> Payment:
    """Let go of the money, whether or not it is held.

    An unknown reference is written down as voided: the authorisation may still be on its way. One
    that is under way is overtaken, because the provider bars what comes after a void.
    """
    with transaction.atomic(durable=True):
        payment, created = Payment.objects.get_or_create(
            reference=reference, defaults={"status": Status.VOIDED}
        )
    while not created:
        if payment.status != Status.AUTHORISING:
            _settle(payment)
        if payment.status in {Status.VOIDED, Status.DECLINED}:
            break
        if payment.status not in {Status.AUTHORISING, Status.AUTHORISED}:
            raise _wrong(payment)
        _attempt(payment, Status.VOIDING)
    return payment


def reconcile(now: datetime) -> Reconciled:
    """Ask again about every payment that was left in between, once each."""
    settled = unknown = 0
    for payment in list(Payment.objects.left_behind(now).order_by("leased_until", "pk")):
        if not _claim(payment):
            continue
        try:
            _send(payment)
        except OutcomeUnknown:
            unknown += 1
        else:
            settled += 1
    return Reconciled(settled=settled, unknown=unknown)


def _begin(wanted: Wanted) -> tuple[Payment, bool]:
    with transaction.atomic(durable=True):
        return Payment.objects.get_or_create(
            reference=wanted.reference,
            defaults={
                "user_id": wanted.user_id,
                "amount": wanted.amount,
                "currency": wanted.currency,
                "method": wanted.method,
                "status": Status.AUTHORISING,
                "leased_until": timezone.now() + timedelta(seconds=_lease_seconds()),
            },
        )


def _require_same(payment: Payment, wanted: Wanted) -> None:
    if payment.amount is None:
        raise _wrong(payment)
    if wanted != Wanted(**{name: getattr(payment, name) for name in Wanted.__slots__}):
        raise ReferenceUsed(
            "This reference belongs to another payment.", details={"reference": wanted.reference}
        )


def _step(
    reference: str, through: Status, *, facts: Callable[[Payment], dict[str, Any]]
) -> Payment:
    """Bring a payment through a status to the one behind it, unless somebody did so before."""
    payment = Payment.objects.filter(reference=reference).first()
    if payment is None:
        raise NotFoundException("There is no payment under this reference.")
    step = STEPS[through]
    while True:
        _settle(payment)
        if payment.status == step.done:
            return payment
        if payment.status != step.refused:
            raise _wrong(payment)
        _attempt(payment, through, facts(payment))


def _attempt(payment: Payment, through: Status, facts: Mapping[str, Any] | None = None) -> None:
    """Tell the provider, unless somebody changed the payment first: then look at it again."""
    if not payment.swap(status=through, lease_seconds=_lease_seconds(), **(facts or {})):
        payment.refresh_from_db()
        return
    _send(payment)
    if payment.status == STEPS[through].refused:
        raise StepRefused(payment, STEPS[through].deed)


def _settle(payment: Payment) -> None:
    """Wait for whoever is asking the provider about a payment; ask again if nobody is any more."""
    patient_until = time.monotonic() + environment().PROVIDER_TIMEOUT_SECONDS
    while payment.status in STEPS:
        if _claim(payment):
            _send(payment)
        elif time.monotonic() < patient_until:
            time.sleep(LOOK_AGAIN_SECONDS)
            payment.refresh_from_db()
        else:
            raise StillRunning("The provider is being asked already.", retry_after_seconds=1)


def _claim(payment: Payment) -> bool:
    """Take over a payment whose request gave up or died."""
    return payment.leased_until <= timezone.now() and payment.swap(lease_seconds=_lease_seconds())


def _send(payment: Payment) -> None:
    """Tell the provider what the status asks for, and write down its answer."""
    step = STEPS[Status(payment.status)]
    try:
        outcome = provider().execute(_instruction(payment, step.deed))
    except NoAnswer as silence:
        _book(payment)
        log.warning("provider silent", reference=payment.reference, deed=step.deed)
        raise OutcomeUnknown(
            "The provider did not answer in time.", details={"reference": payment.reference}
        ) from silence
    to = step.done if outcome.done else step.refused
    if not _book(payment, status=to, refusal=outcome.reason, **_booked(payment, to)):
        payment.refresh_from_db()
        return
    PAYMENTS.labels(status=to).inc()
    log.info("payment changed", reference=payment.reference, status=to, refusal=outcome.reason)


def _book(payment: Payment, **facts: Any) -> bool:
    """Write down what the provider said, though nobody may wait for it any more."""
    with deadline.granting(BOOKING_SECONDS):
        return payment.swap(**facts)


def _instruction(payment: Payment, deed: Deed) -> Instruction:
    return Instruction(
        deed=deed,
        reference=payment.reference,
        amount=payment.refund_amount if deed == Deed.REFUND else payment.amount or 0,
        currency=payment.currency,
        method=payment.method,
    )


def _booked(payment: Payment, to: Status) -> dict[str, Any]:
    """Say which sums a status changes."""
    if to == Status.CAPTURED and payment.status == Status.CAPTURING:
        return {"captured_amount": payment.amount}
    if to == Status.REFUNDED:
        return {"refunded_amount": payment.refund_amount}
    return {}


def _lease_seconds() -> float:
    """Long enough for the slowest answer; a request that needs more has died."""
    return float(2 * environment().PROVIDER_TIMEOUT_SECONDS + 1)


def _wrong(payment: Payment) -> WrongState:
    return WrongState(
        f"The payment is {payment.status}.",
        details={"reference": payment.reference, "status": payment.status},
    )


def environment() -> Any:
    """Give the settings, of which only ``settings.py`` knows the exact class."""
    return conf.current()


@transaction.atomic
def issue_receipt(reference: str, *, user_id: int, amount: int, currency: str) -> Receipt:
    """Give an order a receipt; it has one, whatever it is asked for afterwards."""
    found = Receipt.objects.filter(reference=reference).first()
    if found is not None:
        return found
    return Receipt.objects.create(
        number=ReceiptSeries.take(),
        reference=reference,
        user_id=user_id,
        amount=amount,
        currency=currency,
    )


def render_receipt(reference: str) -> None:
    """Write the document of a receipt, once, however often it is asked for.

    Raises:
        NotFoundException: There is no such receipt.
    """
    receipt = Receipt.objects.filter(reference=reference).first()
    if receipt is None:
        raise NotFoundException(f"There is no receipt for {reference}.")
    Receipt.objects.filter(pk=receipt.pk, document="").update(document=_document_of(receipt))


def render_left_receipts(now: datetime) -> int:
    """Write the documents that were asked for in vain: a task may be lost on its way."""
    patience = timedelta(seconds=RENDERING_SECONDS)
    left = Receipt.objects.blank_since(now - patience).order_by("issued_at")
    references = list(left.values_list("reference", flat=True)[:RENDERED_AT_ONCE])
    for reference in references:
        render_receipt(reference)
    return len(references)


def _document_of(receipt: Receipt) -> str:
    lines = (
        f"Receipt {receipt.number}",
        f"Order {receipt.reference}",
        f"Issued {receipt.issued_at:%Y-%m-%d %H:%M} UTC",
        f"Paid {receipt.amount} {receipt.currency}, in its smallest unit",
    )
    return "\n".join(lines)


@transaction.atomic
def cancel_receipt(reference: str) -> None:
    """Cancel the receipt of an order; the number stays taken.

    Raises:
        NotFoundException: There is none; the event that makes it comes before this one.
    """
    receipt = Receipt.objects.select_for_update().filter(reference=reference).first()
    if receipt is None:
        raise NotFoundException(f"There is no receipt for {reference}.")
    if receipt.cancelled_at is None:
        receipt.cancelled_at = timezone.now()
        receipt.save()
