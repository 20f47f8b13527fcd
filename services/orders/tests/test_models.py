"""The tables: a status moves along the arrows, once, and the database keeps the rest true."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from orders.models import ARROWS, FINAL, Order, OrderLine, OrderTakenOver, Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def order():
    return Order.objects.create(user_id=7, payment_method="card-ok")


def test_an_order_is_known_to_others_by_its_reference(order):
    assert str(order) == f"order-{order.reference}"


def test_a_status_cannot_jump(order):
    with pytest.raises(ValueError, match="from placed to confirmed"):
        order.move(Status.CONFIRMED)


def test_a_move_saves_the_facts_with_the_status(order):
    order.move(Status.VERIFIED, currency="EUR")

    saved = Order.objects.get()
    assert (saved.status, saved.currency, saved.version) == ("verified", "EUR", 2)


def test_of_two_who_move_an_order_the_second_is_told(order):
    other = Order.objects.get()
    order.move(Status.VERIFIED)

    with pytest.raises(OrderTakenOver):
        other.move(Status.UNDOING)

    assert Order.objects.get().status == Status.VERIFIED


def test_from_every_status_an_end_can_be_reached():
    for status in Status:
        seen, open_ = set(), {status}
        while open_:
            here = open_.pop()
            seen.add(here)
            open_ |= ARROWS[here] - seen
        assert seen & FINAL


def test_the_database_refuses_a_product_twice_in_an_order(order):
    OrderLine.objects.create(order=order, product_id=1, quantity=1)

    with pytest.raises(IntegrityError), transaction.atomic():
        OrderLine.objects.create(order=order, product_id=1, quantity=2)


@pytest.mark.parametrize("values", [{"quantity": 0}])
def test_the_database_refuses_an_empty_line(order, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        OrderLine.objects.create(order=order, product_id=1, **values)


def test_a_line_reads_as_a_person_would_say_it(order):
    assert str(OrderLine(order=order, product_id=3, quantity=2)) == "2 of 3"
