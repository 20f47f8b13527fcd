"""What is done from a shell."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from products import domain
from products.models import Product, Reservation


def said(command, **options):
    out = io.StringIO()
    call_command(command, stdout=out, **options)
    return out.getvalue()


def test_releasing_expired_reservations_says_how_many(lamp):
    domain.reserve("a", {lamp.pk: 1})
    Reservation.objects.update(expires_at=timezone.now())

    assert said("release_expired_reservations") == "Released 1 reservations.\n"
    assert said("release_expired_reservations") == "Released 0 reservations.\n"


def test_the_books_are_shown(lamp, rug):
    domain.reserve("a", {lamp.pk: 2})
    domain.reserve("b", {rug.pk: 1})
    domain.commit("b")

    assert said("check_stock") == "received 11 stock 8 reserved 2 sold 1\n"
    assert json.loads(said("check_stock", json=True)) == {
        "received": 11,
        "stock": 8,
        "reserved": 2,
        "sold": 1,
        "unbalanced": [],
    }


def test_books_that_do_not_add_up_are_an_error(lamp):
    Product.objects.update(stock=11)

    with pytest.raises(CommandError, match="LAMP-01"):
        said("check_stock")


def test_the_books_of_an_empty_catalogue_add_up(db):
    assert said("check_stock") == "received 0 stock 0 reserved 0 sold 0\n"
