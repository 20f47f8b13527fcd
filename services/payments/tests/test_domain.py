"""Holding, taking, returning and letting go; every order of events in one thread."""

from __future__ import annotations

import time
from contextlib import nullcontext

import pytest
from cards import reference
from django.db.models import F
from django.utils import timezone

from payments import domain
from payments.clients import Deed
from payments.models import Payment, Status
from quintet.errors import NotFoundException
from quintet.resilience import deadline


class Died(BaseException):
    """The process is gone: nothing after this line runs."""


def die(_instruction):
    raise Died


def live(_instruction):
    pass


def capture(want):
    return domain.capture(want.reference)


def refund(want):
    return domain.refund(want.reference)


def void(want):
    return domain.void(want.reference)


def status(name="order-1"):
    return Payment.objects.get(reference=name).status


def test_money_is_held(held, deeds):
    assert (held.status, held.captured_amount) == (Status.AUTHORISED, 0)
    assert deeds() == ["authorise"]


def test_the_same_authorisation_again_changes_nothing(held, wanted, deeds):
    payment, created = domain.authorise(wanted())

    assert (payment.status, created) == (Status.AUTHORISED, False)
    assert deeds() == ["authorise"]


@pytest.mark.parametrize(
    "other", [{"amount": 1}, {"user_id": 8}, {"currency": "USD"}, {"method": "card-slow"}]
)
def test_another_payment_needs_another_reference(held, wanted, other):
    with pytest.raises(domain.ReferenceUsed):
        domain.authorise(wanted(**other))


def test_a_declined_card_is_declined_each_time(db, wanted, deeds):
    for _ in range(2):
        with pytest.raises(domain.PaymentDeclined) as caught:
            domain.authorise(wanted(method="card-declined"))

    assert caught.value.business_rule == "payment_declined"
    assert caught.value.details["reason"] == "card_declined"
    assert deeds() == ["authorise"]


def test_what_the_provider_did_is_written_down_after_the_deadline(held, provider):
    provider.before = lambda _: deadline.bind(time.monotonic())

    with deadline.within(60):
        domain.capture("order-1")

    assert status() == Status.CAPTURED


def test_money_is_taken_once(held, deeds):
    for _ in range(2):
        assert domain.capture("order-1").captured_amount == 3998

    assert deeds() == ["authorise", "capture"]


def test_a_late_repeat_of_the_authorisation_tells_that_the_money_was_taken(taken, wanted):
    payment, created = domain.authorise(wanted())

    assert (payment.status, created) == (Status.CAPTURED, False)


def test_all_of_it_is_returned_once(taken, deeds):
    for _ in range(2):
        assert domain.refund("order-1").refunded_amount == 3998

    assert deeds() == ["authorise", "capture", "refund"]


def test_a_part_of_it_is_returned_once(taken):
    assert domain.refund("order-1", amount=1000).refunded_amount == 1000
    assert domain.refund("order-1", amount=1000).status == Status.REFUNDED

    for other in (None, 999):
        with pytest.raises(domain.ReferenceUsed):
            domain.refund("order-1", amount=other)


def test_no_more_is_returned_than_was_taken(taken, deeds):
    with pytest.raises(domain.RefundExceedsCaptured) as caught:
        domain.refund("order-1", amount=3999)

    assert caught.value.business_rule == "refund_exceeds_captured"
    assert deeds() == ["authorise", "capture"]


def test_held_money_is_let_go_once(held, deeds):
    for _ in range(2):
        assert domain.void("order-1").status == Status.VOIDED

    assert deeds() == ["authorise", "void"]


def test_a_void_that_overtakes_its_authorisation_bars_it(db, wanted, deeds):
    assert domain.void("order-1").amount is None

    with pytest.raises(domain.WrongState):
        domain.authorise(wanted())

    assert deeds() == []


def test_a_declined_payment_needs_no_void(db, wanted):
    with pytest.raises(domain.PaymentDeclined):
        domain.authorise(wanted(method="card-declined"))

    assert domain.void("order-1").status == Status.DECLINED


def test_voided_money_can_be_neither_held_taken_nor_returned(held, wanted):
    domain.void("order-1")

    for deed in (domain.capture, domain.refund, lambda _: domain.authorise(wanted())):
        with pytest.raises(domain.WrongState):
            deed("order-1")


def test_taken_money_cannot_be_let_go(taken):
    with pytest.raises(domain.WrongState) as caught:
        domain.void("order-1")

    assert caught.value.details["status"] == "captured"


def test_held_money_cannot_be_returned(held):
    with pytest.raises(domain.WrongState):
        domain.refund("order-1")


def test_returned_money_cannot_be_taken(taken):
    domain.refund("order-1")

    with pytest.raises(domain.WrongState):
        domain.capture("order-1")


@pytest.mark.parametrize("deed", [domain.capture, domain.refund])
def test_nothing_is_taken_or_returned_under_an_unknown_reference(db, deed):
    with pytest.raises(NotFoundException):
        deed("order-1")


def test_what_the_provider_refuses_leaves_the_payment_where_it_was(held, provider):
    with provider.inner.book.opened("order-1") as page:
        page.held = 0

    with pytest.raises(domain.StepRefused) as caught:
        domain.capture("order-1")

    assert caught.value.business_rule == "capture_refused"
    assert (status(), Payment.objects.get().captured_amount) == (Status.AUTHORISED, 0)


@pytest.mark.parametrize("lost", [True, False])
def test_a_silent_provider_is_an_unknown_outcome_until_it_is_asked_again(db, wanted, lost):
    name = reference(Deed.AUTHORISE, lost=lost)
    silent = wanted(name, method="card-timeout")

    with pytest.raises(domain.OutcomeUnknown):
        domain.authorise(silent)

    assert status(name) == Status.AUTHORISING
    assert domain.authorise(silent)[0].status == Status.AUTHORISED


@pytest.mark.parametrize("lost", [True, False])
def test_an_unknown_authorisation_can_be_let_go(db, wanted, provider, lost):
    name = reference(Deed.AUTHORISE, lost=lost)
    with pytest.raises(domain.OutcomeUnknown):
        domain.authorise(wanted(name, method="card-timeout"))

    assert domain.void(name).status == Status.VOIDED
    with provider.inner.book.opened(name) as page:
        assert (page.held, page.voided) == (0, True)


@pytest.mark.parametrize("lost", [True, False])
def test_an_unknown_capture_is_settled_before_the_money_is_given_back(db, wanted, lost):
    name = reference(Deed.CAPTURE, lost=lost)
    domain.authorise(wanted(name, method="card-capture-timeout"))
    with pytest.raises(domain.OutcomeUnknown):
        domain.capture(name)

    with pytest.raises(domain.WrongState):
        domain.void(name)

    assert domain.refund(name).refunded_amount == 3998


@pytest.mark.parametrize("lost", [True, False])
def test_an_unknown_refund_is_refunded_once(db, wanted, provider, lost):
    name = reference(Deed.REFUND, lost=lost)
    domain.authorise(wanted(name, method="card-refund-timeout"))
    domain.capture(name)
    with pytest.raises(domain.OutcomeUnknown):
        domain.refund(name)

    assert domain.refund(name).status == Status.REFUNDED
    with provider.inner.book.opened(name) as page:
        assert page.refunded == 3998


def test_an_unknown_void_is_voided_by_the_next_one(db, wanted):
    domain.authorise(wanted(method="card-void-timeout"))
    with pytest.raises(domain.OutcomeUnknown):
        domain.void("order-1")

    assert domain.void("order-1").status == Status.VOIDED


@pytest.mark.parametrize(
    ("deeds", "after"),
    [
        ([domain.authorise], Status.AUTHORISED),
        ([domain.authorise, capture], Status.CAPTURED),
        ([domain.authorise, capture, refund], Status.REFUNDED),
        ([domain.authorise, void], Status.VOIDED),
    ],
)
def test_what_a_dead_process_began_is_finished(wanted, provider, forsake, deeds, after):
    for deed in deeds:
        provider.before = die if deed is deeds[-1] else live
        with nullcontext() if provider.before is live else pytest.raises(Died):
            deed(wanted())
    provider.before = live
    forsake()

    assert domain.reconcile(timezone.now()) == domain.Reconciled(settled=1, unknown=0)
    assert domain.reconcile(timezone.now()) == domain.Reconciled(settled=0, unknown=0)
    assert status() == after


def test_reconciling_leaves_running_requests_alone(db, wanted, provider):
    provider.before = die
    with pytest.raises(Died):
        domain.authorise(wanted())

    assert domain.reconcile(timezone.now()) == domain.Reconciled(settled=0, unknown=0)


def test_a_running_payment_is_not_asked_for_twice(db, wanted, provider, deeds, monkeypatch):
    monkeypatch.setattr(domain.time, "sleep", lambda _: None)
    monkeypatch.setattr(domain.time, "monotonic", iter(range(100)).__next__)
    provider.before = die
    with pytest.raises(Died):
        domain.authorise(wanted())

    with pytest.raises(domain.StillRunning) as caught:
        domain.authorise(wanted())

    assert caught.value.retry_after_seconds == 1
    assert deeds() == ["authorise"]


def test_a_void_overtakes_an_authorisation_that_is_under_way(db, wanted, provider, deeds):
    def overtake(instruction):
        if instruction.deed == Deed.AUTHORISE:
            domain.void("order-1")

    provider.before = overtake
    with pytest.raises(domain.WrongState):
        domain.authorise(wanted())

    assert status() == Status.VOIDED
    with provider.inner.book.opened("order-1") as page:
        assert page.held == 0


def test_an_authorisation_that_lost_its_lease_answers_only_once_the_money_is_held(
    db, wanted, provider, deeds
):
    def lose_the_lease(_instruction):
        provider.before = live
        Payment.objects.update(version=F("version") + 1, leased_until=timezone.now())

    provider.before = lose_the_lease
    payment, _ = domain.authorise(wanted())

    assert payment.status == Status.AUTHORISED
    assert deeds() == ["authorise", "authorise"]


def test_the_totals_count_what_was_taken_and_returned(db, wanted):
    for number, deeds in enumerate([[], [domain.capture], [domain.capture, domain.refund]]):
        domain.authorise(wanted(f"order-{number}", amount=100))
        for deed in deeds:
            deed(f"order-{number}")
    domain.void("barred")
    domain.authorise(wanted("dollars", amount=5, currency="USD"))

    assert Payment.objects.totals() == [
        {"currency": "EUR", "payments": 3, "captured": 200, "refunded": 100},
        {"currency": "USD", "payments": 1, "captured": 0, "refunded": 0},
    ]
