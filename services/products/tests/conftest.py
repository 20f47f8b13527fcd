"""Lamps and rugs, a way to put many of them aside at once, and a database for many threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, connections

from products import domain
from products.models import Product


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory):
    """Give SQLite a file: threads share no database that lives in memory."""
    if connection.vendor == "sqlite":
        place = tmp_path_factory.mktemp("database") / "test.sqlite3"
        connection.settings_dict["TEST"]["NAME"] = str(place)


@pytest.fixture
def make(db):
    """Put products into the catalogue."""

    def make(sku="LAMP-01", **columns):
        return domain.add(
            sku=sku,
            **{"name": "Lamp", "price_amount": 1999, "currency": "EUR", "stock": 10, **columns},
        )

    return make


@pytest.fixture
def lamp(make):
    """Ten lamps."""
    return make()


@pytest.fixture
def rug(make):
    """One rug."""
    return make("RUG-01", name="Rug", description="Persian.", price_amount=12_900, stock=1)


@pytest.fixture
def at_once():
    """Run a deed in many threads that start together, and return what each of them got."""

    def at_once(deed, times):
        start = Barrier(times)

        def one(number):
            start.wait()
            try:
                return deed(number)
            except Exception as error:  # noqa: BLE001 - the test judges it
                return error
            finally:
                connections.close_all()

        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(one, range(times)))

    return at_once


@pytest.fixture
def stock():
    """Tell what is left of a product, and make sure that the books add up."""

    def stock(product):
        assert not Product.objects.unbalanced().exists()
        return Product.objects.get(pk=product.pk).stock

    return stock
