"""Messages in: whatever is delivered how often, an order has one receipt."""

from __future__ import annotations

import pytest

from payments import domain
from payments.handlers import OrderCancelled, OrderConfirmed
from payments.models import Receipt
from quintet.errors import NotFoundException
from quintet.testing.events import deliver
from quintet.testing.identity import as_user

pytestmark = pytest.mark.django_db(transaction=True)


def confirmed(reference="order-1", user_id=7):
    return OrderConfirmed(reference=reference, user_id=user_id, total_amount=3998, currency="EUR")


def numbers():
    return list(Receipt.objects.order_by("number").values_list("number", flat=True))


def test_a_confirmed_order_has_a_receipt():
    deliver(confirmed())

    receipt = Receipt.objects.get()
    assert (receipt.reference, receipt.amount, receipt.currency) == ("order-1", 3998, "EUR")
    assert str(receipt) == "receipt 1"


def test_an_event_that_comes_twice_makes_one_receipt():
    event_id = deliver(confirmed())

    deliver(confirmed(), event_id=event_id)

    assert numbers() == [1]


def test_an_order_that_is_told_of_twice_has_one_receipt():
    deliver(confirmed())
    deliver(confirmed())

    assert numbers() == [1]


def test_numbers_have_no_gap_where_a_handler_failed(monkeypatch):
    """The naive version takes them from a sequence."""
    deliver(confirmed("order-1"))
    with monkeypatch.context() as broken:
        broken.setattr(Receipt.objects, "create", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            deliver(confirmed("order-2"))

    deliver(confirmed("order-2"))

    assert numbers() == [1, 2]


def test_receipts_that_are_made_at_once_have_numbers_of_their_own(at_once):
    at_once(lambda number: deliver(confirmed(f"order-{number}")), 20)

    assert numbers() == list(range(1, 21))


def test_a_cancelled_order_has_a_receipt_that_says_so():
    deliver(confirmed())
    event_id = deliver(OrderCancelled(reference="order-1"))
    first = Receipt.objects.get().cancelled_at

    deliver(OrderCancelled(reference="order-1"), event_id=event_id)
    domain.cancel_receipt("order-1")

    assert Receipt.objects.get().cancelled_at == first is not None


def test_a_receipt_that_is_not_there_cannot_be_cancelled():
    with pytest.raises(NotFoundException):
        deliver(OrderCancelled(reference="order-1"))


def test_a_receipt_is_shown_to_who_has_paid(client):
    deliver(confirmed())

    shown = as_user(client, 7).get("/api/v1/receipts/order-1/").json()

    assert (shown["number"], shown["amount"], shown["cancelled_at"]) == (1, 3998, None)
    assert as_user(client, 8).get("/api/v1/receipts/order-1/").status_code == 404
