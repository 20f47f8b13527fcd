"""Putting goods aside, handing them over and taking them back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from products import domain
from products.models import Product, Reservation, Status
from quintet.errors import NotFoundException


def test_reserved_goods_leave_the_stock(lamp, rug, stock):
    reservation, created = domain.reserve("a", {lamp.pk: 2, rug.pk: 1})

    assert created
    assert (stock(lamp), stock(rug)) == (8, 0)
    assert (reservation.total_amount, reservation.currency) == (2 * 1999 + 12_900, "EUR")


def test_a_reservation_expires_after_its_time(lamp):
    now = timezone.now()

    reservation, _ = domain.reserve("a", {lamp.pk: 1})

    waits = reservation.expires_at - now
    assert timedelta(seconds=900) <= waits < timedelta(seconds=960)


def test_a_reservation_keeps_its_price(lamp):
    domain.reserve("a", {lamp.pk: 1})
    domain.change(lamp, {"price_amount": 9999, "name": "Gold lamp"})

    reservation, _ = domain.reserve("a", {lamp.pk: 1})

    assert reservation.total_amount == 1999
    assert reservation.lines.get().name == "Lamp"


def test_the_same_reservation_again_changes_nothing(lamp, stock):
    domain.reserve("a", {lamp.pk: 2})

    reservation, created = domain.reserve("a", {lamp.pk: 2})

    assert (created, reservation.status) == (False, Status.RESERVED)
    assert stock(lamp) == 8


def test_the_same_reference_for_other_goods_is_refused(lamp, rug, stock):
    domain.reserve("a", {lamp.pk: 2})

    for other in ({lamp.pk: 3}, {rug.pk: 2}, {lamp.pk: 2, rug.pk: 1}):
        with pytest.raises(domain.ReferenceUsed):
            domain.reserve("a", other)

    assert (stock(lamp), stock(rug)) == (8, 1)


def test_all_lines_are_reserved_or_none(lamp, rug, stock):
    with pytest.raises(domain.OutOfStock) as caught:
        domain.reserve("a", {lamp.pk: 2, rug.pk: 2})

    assert caught.value.business_rule == "out_of_stock"
    assert caught.value.details["product_ids"] == [rug.pk]
    assert (stock(lamp), stock(rug)) == (10, 1)
    assert not Reservation.objects.exists()


def test_what_could_not_be_reserved_can_be_once_there_is_more(rug):
    with pytest.raises(domain.OutOfStock):
        domain.reserve("a", {rug.pk: 2})
    domain.restock(rug, quantity=1, reference="d")

    assert domain.reserve("a", {rug.pk: 2})[1]


def test_a_product_that_does_not_exist_cannot_be_reserved(lamp, stock):
    with pytest.raises(domain.UnknownProduct):
        domain.reserve("a", {lamp.pk: 1, 2**62: 1})

    assert stock(lamp) == 10


def test_a_product_that_is_not_for_sale_cannot_be_reserved(make):
    hidden = make(is_active=False)

    with pytest.raises(domain.ProductInactive) as caught:
        domain.reserve("a", {hidden.pk: 1})

    assert caught.value.business_rule == "product_inactive"


def test_a_reservation_has_one_currency(make, lamp):
    imported = make("US-1", currency="USD")

    with pytest.raises(domain.MixedCurrencies) as caught:
        domain.reserve("a", {lamp.pk: 1, imported.pk: 1})

    assert caught.value.business_rule == "single_currency"
    assert caught.value.details["currencies"] == ["EUR", "USD"]


def test_committed_goods_are_sold_once(lamp, stock):
    domain.reserve("a", {lamp.pk: 2})

    assert domain.commit("a").status == Status.COMMITTED
    assert domain.commit("a").status == Status.COMMITTED

    books = Product.objects.with_books().get()
    assert (books.received, books.stock, books.reserved, books.sold) == (10, 8, 0, 2)


def test_a_committed_reservation_is_still_the_answer_to_the_same_request(lamp):
    domain.reserve("a", {lamp.pk: 2})
    domain.commit("a")

    assert domain.reserve("a", {lamp.pk: 2})[0].status == Status.COMMITTED


def test_nothing_is_committed_that_was_not_reserved(db):
    with pytest.raises(NotFoundException):
        domain.commit("a")


def test_released_goods_return_once(lamp, stock):
    domain.reserve("a", {lamp.pk: 2})

    domain.release("a")
    domain.release("a")

    assert stock(lamp) == 10


def test_released_goods_cannot_be_committed_or_reserved_again(lamp, stock):
    domain.reserve("a", {lamp.pk: 2})
    domain.release("a")

    with pytest.raises(domain.ReservationReleased):
        domain.commit("a")
    with pytest.raises(domain.ReservationReleased):
        domain.reserve("a", {lamp.pk: 2})

    assert stock(lamp) == 10


def test_sold_goods_can_be_taken_back(lamp, stock):
    domain.reserve("a", {lamp.pk: 2})
    domain.commit("a")

    assert domain.release("a").status == Status.RELEASED
    assert stock(lamp) == 10


def test_a_release_that_overtakes_its_reservation_bars_it(lamp, stock):
    assert domain.release("a").status == Status.RELEASED

    with pytest.raises(domain.ReservationReleased):
        domain.reserve("a", {lamp.pk: 2})

    assert stock(lamp) == 10


def test_only_expired_reservations_are_released(lamp, stock):
    for reference in ("old", "sold", "new"):
        domain.reserve(reference, {lamp.pk: 1})
    domain.commit("sold")
    past = timezone.now() - timedelta(seconds=1)
    Reservation.objects.exclude(reference="new").update(expires_at=past)

    assert domain.release_expired(timezone.now()) == 1
    assert domain.release_expired(timezone.now()) == 0
    assert dict(Reservation.objects.values_list("reference", "status")) == {
        "old": Status.RELEASED,
        "sold": Status.COMMITTED,
        "new": Status.RESERVED,
    }
    assert stock(lamp) == 8


def test_an_expired_reservation_can_be_committed_until_it_is_released(lamp):
    domain.reserve("a", {lamp.pk: 1})
    Reservation.objects.update(expires_at=timezone.now() - timedelta(days=1))

    assert domain.commit("a").status == Status.COMMITTED
    assert domain.release_expired(timezone.now()) == 0


def test_outcomes_are_counted(lamp):
    def counted(outcome):
        return domain.RESERVATIONS.labels(outcome=outcome)._value.get()

    before = counted("reserved"), counted("out_of_stock"), counted("committed")
    domain.reserve("a", {lamp.pk: 1})
    domain.reserve("a", {lamp.pk: 1})
    domain.commit("a")
    with pytest.raises(domain.OutOfStock):
        domain.reserve("b", {lamp.pk: 100})

    after = counted("reserved"), counted("out_of_stock"), counted("committed")
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, 1]
