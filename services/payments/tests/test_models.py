"""What the database itself refuses, whoever writes to it."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from payments.models import Payment, Status


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "lost"},
        {"amount": 0},
        {"amount": None},
        {"user_id": None},
        {"captured_amount": 3999},
        {"captured_amount": -1},
        {"refunded_amount": 1},
        {"captured_amount": 10, "refunded_amount": 11},
        {"refunded_amount": -1},
    ],
)
def test_the_database_refuses_money_that_cannot_be(held, wrong):
    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.update(**wrong)


def test_the_trace_of_an_early_void_has_no_money(db):
    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.create(reference="a", status=Status.VOIDED, captured_amount=1)


def test_a_reference_exists_once(held):
    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.create(reference=held.reference, status=Status.VOIDED)


def test_a_change_of_something_that_changed_meanwhile_does_not_count(held):
    other = Payment.objects.get(pk=held.pk)

    assert other.swap(status=Status.CAPTURING)
    assert not held.swap(status=Status.VOIDING)
    assert Payment.objects.get().status == Status.CAPTURING


@pytest.mark.django_db(transaction=True)
def test_an_intent_cannot_be_part_of_a_transaction_that_may_be_rolled_back(held):
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        held.swap(status=Status.CAPTURING)


def test_the_migrations_say_what_the_models_say(db):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_a_payment_is_called_by_its_reference(held):
    assert str(held) == "order-1"
