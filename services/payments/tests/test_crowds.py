"""Many at once, in real threads on a real database: the provider does each thing once."""

from __future__ import annotations

from threading import Event

import pytest
from cards import told
from django.db import connection
from django.utils import timezone

from payments import domain
from payments.clients import Deed, RecordingProvider, Simulator, TableBook, use_provider
from payments.models import Payment, SimulatorPage, Status

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def provider():
    """The simulator on its table, as in production, and a record of what it was told."""
    made = RecordingProvider(Simulator(TableBook(), timeout_seconds=0.1, slow_seconds=0.1))
    with use_provider(made):
        yield made


def test_the_same_authorisation_at_once_holds_once(wanted, deeds, at_once):
    slow = wanted(method="card-slow")

    outcomes = at_once(lambda _: domain.authorise(slow), 8)

    assert sorted(created for _, created in outcomes) == [False] * 7 + [True]
    assert {payment.status for payment, _ in outcomes} == {Status.AUTHORISED}
    assert deeds() == ["authorise"]


def test_the_same_capture_at_once_takes_once(held, deeds, at_once):
    outcomes = at_once(lambda _: domain.capture("order-1"), 8)

    assert {payment.status for payment in outcomes} == {Status.CAPTURED}
    assert deeds() == ["authorise", "capture"]


def test_the_same_refund_at_once_returns_once(taken, deeds, at_once):
    outcomes = at_once(lambda _: domain.refund("order-1"), 8)

    assert {payment.refunded_amount for payment in outcomes} == {3998}
    assert deeds() == ["authorise", "capture", "refund"]


def test_a_capture_and_a_void_at_once_agree_on_the_end(held, at_once):
    outcomes = at_once(lambda number: (domain.capture, domain.void)[number % 2]("order-1"), 8)

    refused = [type(one) for one in outcomes if isinstance(one, Exception)]
    assert refused == [domain.WrongState] * 4
    payment, page = Payment.objects.get(), SimulatorPage.objects.get()
    assert payment.status in {Status.CAPTURED, Status.VOIDED}
    assert page.captured == payment.captured_amount


def test_a_void_and_its_authorisation_at_once_hold_nothing(wanted, at_once):
    def deed(number):
        return domain.void("order-1") if number % 2 else domain.authorise(wanted())

    at_once(deed, 8)

    assert Payment.objects.get().status == Status.VOIDED
    assert not SimulatorPage.objects.filter(held__gt=0).exists()


def test_the_book_of_the_simulator_has_one_writer_per_page(provider, at_once):
    for number in range(10):
        provider.execute(told(Deed.REFUND, f"order-{number}"))

    def deed(number):
        one = Deed.VOID if number % 2 else Deed.AUTHORISE
        return provider.execute(told(one, f"order-{number // 2}"))

    at_once(deed, 20)

    assert SimulatorPage.objects.filter(held=0, voided=True).count() == 10


def test_a_payment_left_behind_is_settled_by_one_of_many(wanted, forsake, deeds, at_once):
    with pytest.raises(domain.OutcomeUnknown):
        domain.authorise(wanted(method="card-timeout"))

    outcomes = at_once(lambda _: domain.reconcile(timezone.now()), 6)

    assert sum(outcome.settled for outcome in outcomes) == 1
    assert deeds() == ["authorise", "authorise"]


def test_the_intent_is_committed_and_no_transaction_is_open_while_the_provider_works(
    wanted, provider
):
    seen = []

    def look(_instruction):
        seen.append((connection.in_atomic_block, Payment.objects.get().status))

    provider.before = look
    domain.authorise(wanted())
    domain.capture("order-1")
    domain.refund("order-1")

    assert seen == [
        (False, Status.AUTHORISING),
        (False, Status.CAPTURING),
        (False, Status.REFUNDING),
    ]


def test_whoever_asks_again_meanwhile_waits_for_the_answer(wanted, provider, deeds, at_once):
    begun, asked = Event(), Event()

    def hold_up(_instruction):
        begun.set()
        asked.wait(timeout=10)

    def deed(number):
        if number == 0:
            return domain.authorise(wanted())
        begun.wait(timeout=10)
        Payment.objects.get()
        asked.set()
        return domain.authorise(wanted())

    provider.before = hold_up
    outcomes = at_once(deed, 2)

    assert [payment.status for payment, _ in outcomes] == [Status.AUTHORISED] * 2
    assert deeds() == ["authorise"]
