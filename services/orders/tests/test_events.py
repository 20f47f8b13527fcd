"""What others are told: with the change that it is about, or not at all."""

from __future__ import annotations

import uuid

import pytest
from world import PRICE

from orders import domain
from orders.events import OrderCancelled, OrderConfirmed
from orders.models import Order, Status
from quintet.errors import ServiceException
from quintet.testing.events import published

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def place(world, wishes):
    return lambda: domain.place(
        deed=uuid.uuid4(), user_id=7, wishes=wishes, payment_method="card-ok"
    )


def test_a_confirmed_order_is_told_of_once(place):
    order = place()

    assert published(OrderConfirmed) == [
        OrderConfirmed(reference=str(order), user_id=7, total_amount=2 * PRICE, currency="EUR")
    ]


def test_a_failed_order_is_told_to_nobody(place, world):
    world.faults = {3: "away before"}
    with pytest.raises(ServiceException):
        place()

    assert published(OrderConfirmed) == []


def test_a_cancelled_order_is_told_of_once(place):
    order = place()

    domain.cancel(order)
    domain.cancel(order)

    assert published(OrderCancelled) == [OrderCancelled(reference=str(order))]


def test_what_cannot_be_told_does_not_happen(place, monkeypatch):
    """The naive version publishes after the commit, and may die in between."""

    def fail(_):
        raise ZeroDivisionError

    monkeypatch.setattr(domain, "publish", fail)

    with pytest.raises(ZeroDivisionError):
        place()

    assert Order.objects.get().status == Status.CHARGED
