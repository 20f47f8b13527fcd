"""What the database itself refuses, whoever writes to it."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import IntegrityError
from django.db.models import ProtectedError
from django.utils import timezone

from products import domain
from products.models import Product, Reservation, StockReceipt


def test_the_database_refuses_a_stock_below_zero(lamp):
    with pytest.raises(IntegrityError, match="stock_not_negative"):
        Product.objects.filter(pk=lamp.pk).update(stock=-1)


def test_the_database_refuses_a_price_of_nothing(lamp):
    with pytest.raises(IntegrityError, match="price_positive"):
        Product.objects.filter(pk=lamp.pk).update(price_amount=0)


def test_the_database_refuses_a_sku_in_another_case(make, lamp):
    with pytest.raises(IntegrityError):
        Product.objects.create(sku="lamp-01", name="", price_amount=1, currency="EUR")


def test_the_database_refuses_a_delivery_that_was_booked(lamp):
    with pytest.raises(IntegrityError):
        StockReceipt.objects.create(product=lamp, reference="", quantity=1)


def test_the_database_refuses_a_reservation_in_no_state(db):
    with pytest.raises(IntegrityError, match="reservations_status"):
        Reservation.objects.create(reference="a", status="lost", expires_at=timezone.now())


def test_a_product_in_a_reservation_cannot_be_deleted(lamp):
    domain.reserve("a", {lamp.pk: 1})

    with pytest.raises(ProtectedError):
        lamp.delete()


def test_books_that_do_not_add_up_are_found(lamp, rug):
    Product.objects.filter(pk=lamp.pk).update(stock=9)

    assert [product.sku for product in Product.objects.unbalanced()] == ["LAMP-01"]


def test_the_migrations_say_what_the_models_say(db):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_everything_says_what_it_is(lamp):
    reservation, _ = domain.reserve("order-1", {lamp.pk: 2})

    assert str(lamp) == "LAMP-01"
    assert str(lamp.receipts.get()) == "10 by the first delivery"
    assert str(reservation) == "order-1"
    assert str(reservation.lines.get()) == "2 of Lamp"
