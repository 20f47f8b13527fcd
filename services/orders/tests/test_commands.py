"""The commands beside the service: finishing what was left, and the totals."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from orders.models import Order, Status

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments):
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def left_behind(world):
    """An order that nobody has advanced for three minutes."""
    return Order.objects.create(
        user_id=7,
        payment_method="card-ok",
        status=Status.RESERVED,
        updated_at=timezone.now() - timedelta(minutes=3),
    )


def test_an_order_left_behind_is_finished(left_behind):
    assert run("resume_orders") == "finished 1\n"


def test_a_young_order_belongs_to_its_request(left_behind):
    assert run("resume_orders", "--age-seconds=600") == "finished 0\n"


@pytest.mark.parametrize("seconds", ["-1", "nan"])
def test_an_age_in_the_future_is_refused(left_behind, seconds):
    with pytest.raises(CommandError, match="age-seconds"):
        run("resume_orders", f"--age-seconds={seconds}")


def test_an_order_that_has_to_wait_makes_the_command_fail(left_behind, world):
    world.faults = {1: "away before"}

    with pytest.raises(CommandError, match="run resume_orders again"):
        run("resume_orders")


def test_the_totals_are_those_of_each_status(left_behind):
    for amount in (100, 250):
        Order.objects.create(
            user_id=7, payment_method="x", status="confirmed", total_amount=amount, currency="EUR"
        )

    totals = json.loads(run("order_totals", "--json"))

    assert {"status": "confirmed", "currency": "EUR", "count": 2, "amount": 350} in totals
    assert "confirmed EUR 2 350" in run("order_totals")
