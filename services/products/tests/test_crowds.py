"""Many at once, in real threads on a real database: nothing is sold twice, nothing gets lost."""

from __future__ import annotations

import time
from collections import Counter
from threading import Event

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from products import domain
from products.models import Product, Reservation, Status

pytestmark = pytest.mark.django_db(transaction=True)


def kinds(outcomes):
    return Counter(
        type(outcome).__name__ if isinstance(outcome, Exception) else "done" for outcome in outcomes
    )


def test_fifty_reservations_for_the_last_ten_items(lamp, stock, at_once):
    outcomes = at_once(lambda number: domain.reserve(f"order-{number}", {lamp.pk: 1}), 50)

    assert kinds(outcomes) == {"done": 10, "OutOfStock": 40}
    assert stock(lamp) == 0
    assert Reservation.objects.count() == 10


def test_one_reference_at_once_reserves_once(lamp, stock, at_once):
    outcomes = at_once(lambda _: domain.reserve("order-1", {lamp.pk: 2}), 12)

    assert sorted(created for _, created in outcomes) == [False] * 11 + [True]
    assert stock(lamp) == 8


def test_reservations_in_opposite_order_do_not_wait_in_a_circle(make, stock, at_once):
    first, second = make("A", stock=40), make("B", stock=40)

    def reserve(number):
        pair = [first.pk, second.pk] if number % 2 else [second.pk, first.pk]
        return domain.reserve(f"order-{number}", dict.fromkeys(pair, 1))

    assert kinds(at_once(reserve, 24)) == {"done": 24}
    assert (stock(first), stock(second)) == (16, 16)


def test_rows_are_locked_in_the_order_of_their_keys(lamp, rug):
    with CaptureQueriesContext(connection) as captured:
        domain.reserve("order-1", {rug.pk: 1, lamp.pk: 1})

    lock = " FOR NO KEY UPDATE" if connection.vendor == "postgresql" else ""
    ending = f'ORDER BY "products_product"."id" ASC{lock}'
    assert [sql for sql in (query["sql"] for query in captured) if sql.endswith(ending)]


def test_goods_that_are_released_at_once_return_once(lamp, stock, at_once):
    for number in range(5):
        domain.reserve(f"order-{number}", {lamp.pk: 1})

    at_once(lambda number: domain.release(f"order-{number % 5}"), 20)

    assert stock(lamp) == 10


def test_a_commit_and_a_release_at_once_agree_on_the_end(lamp, stock, at_once):
    domain.reserve("a", {lamp.pk: 3})

    at_once(lambda number: (domain.commit, domain.release)[number % 2]("a"), 8)

    assert Reservation.objects.get().status == Status.RELEASED
    assert stock(lamp) == 10


def test_a_release_and_its_reservation_at_once_leave_nothing_behind(lamp, stock, at_once):
    def deed(number):
        if number % 2:
            return domain.release("a")
        return domain.reserve("a", {lamp.pk: 3})

    at_once(deed, 8)

    assert Reservation.objects.get().status == Status.RELEASED
    assert stock(lamp) == 10


def test_one_delivery_at_once_is_booked_once(lamp, stock, at_once):
    outcomes = at_once(lambda _: domain.restock(lamp, quantity=5, reference="d"), 8)

    assert kinds(outcomes) == {"done": 8}
    assert stock(lamp) == 15


def test_expired_goods_return_once_however_many_look_for_them(lamp, stock, at_once):
    for number in range(5):
        domain.reserve(f"order-{number}", {lamp.pk: 1})
    late = Reservation.objects.latest("expires_at").expires_at

    released = at_once(lambda _: domain.release_expired(late), 4)

    assert sum(released) == 5
    assert stock(lamp) == 10


def test_a_product_that_is_removed_while_it_is_reserved_is_kept(lamp, stock, at_once):
    reserved, removing = Event(), Event()

    def reserve():
        with transaction.atomic():  # in place of its own, which would be over at once
            domain._reserve.__wrapped__("order-1", {lamp.pk: 1})
            reserved.set()
            removing.wait(timeout=10)
            time.sleep(0.2)

    def remove():
        reserved.wait(timeout=10)
        removing.set()
        domain.remove(Product(pk=lamp.pk))

    assert at_once(lambda number: (reserve, remove)[number](), 2) == [None, None]
    assert not Product.objects.get().is_active
    assert stock(lamp) == 9


def test_a_product_that_is_removed_in_a_crowd_is_reserved_or_gone(lamp, at_once):
    def deed(number):
        if number == 3:
            return domain.remove(Product(pk=lamp.pk))
        return domain.reserve(f"order-{number}", {lamp.pk: 1})

    outcomes = at_once(deed, 8)

    assert set(kinds(outcomes)) <= {"done", "UnknownProduct", "ProductInactive"}
    assert Product.objects.exists() == Reservation.objects.exists()
    assert not Product.objects.unbalanced().exists()
