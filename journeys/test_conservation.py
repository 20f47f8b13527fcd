"""Money and goods are conserved; whoever falsifies a row by hand is found out, and where."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager

import conservation
import psycopg
import pytest

pytestmark = pytest.mark.usefixtures("conserved")

SCRIPT = conservation.__file__


@pytest.fixture
def order(shopper, lamp):
    """Two lamps of five, paid for."""
    return shopper.order(lamp, 2).json


@pytest.fixture
def reference(books, order):
    """The name by which the other services know the order."""
    with psycopg.connect(books["orders"]) as database:
        found = database.execute("SELECT reference FROM orders_order WHERE id = %s", [order["id"]])
        return f"order-{found.fetchone()[0]}"


@contextmanager
def falsified(url, change, back, *, row):
    """Change a row by hand, and change it back."""
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(change, [row])
        try:
            yield
        finally:
            database.execute(back, [row])


def test_an_order_a_refusal_and_a_cancellation_leave_the_books_in_balance(books, shopper, lamp):
    kept, cancelled = (shopper.order(lamp).json["id"] for _ in range(2))
    shopper.order(lamp, method="card-declined")
    shopper.order(lamp, 6)

    shopper.ask("POST", f"/api/v1/orders/{cancelled}/cancel/")

    assert shopper.ask("GET", f"/api/v1/orders/{kept}/").json["status"] == "confirmed"
    assert conservation.unbalanced(books) == {}


def test_money_that_was_taken_on_top_is_found(books, reference):
    change = (
        "UPDATE payments_payment SET amount = amount + 1, captured_amount = captured_amount + 1 "
        "WHERE reference = %s"
    )
    back = change.replace("+", "-")

    with falsified(books["payments"], change, back, row=reference):
        assert conservation.unbalanced(books) == {f"EUR paid for {reference}": 1}


def test_money_that_was_given_back_for_an_order_that_stands_is_found(books, reference):
    change = "UPDATE payments_payment SET refunded_amount = captured_amount WHERE reference = %s"
    back = "UPDATE payments_payment SET refunded_amount = 0 WHERE reference = %s"

    with falsified(books["payments"], change, back, row=reference):
        assert conservation.unbalanced(books) == {f"EUR paid for {reference}": -2 * 1999}


def test_an_order_that_failed_but_was_paid_and_handed_over_is_found(books, order, reference, lamp):
    change = "UPDATE orders_order SET status = 'failed' WHERE id = %s"
    back = "UPDATE orders_order SET status = 'confirmed' WHERE id = %s"

    with falsified(books["orders"], change, back, row=order["id"]):
        assert conservation.unbalanced(books) == {
            f"EUR paid for {reference}": 2 * 1999,
            f"product {lamp} sold": 2,
        }


def test_an_item_that_came_from_nowhere_is_found(books, order, lamp):
    change = "UPDATE products_product SET stock = stock + 1 WHERE id = %s"
    back = change.replace("+", "-")

    with falsified(books["products"], change, back, row=lamp):
        assert conservation.unbalanced(books) == {f"product {lamp} in stock, reserved and sold": -1}


def test_goods_that_are_gone_without_an_order_are_found(books, reference, lamp):
    change = "UPDATE products_reservation SET status = 'released' WHERE reference = %s"
    back = "UPDATE products_reservation SET status = 'committed' WHERE reference = %s"

    with falsified(books["products"], change, back, row=reference):
        assert conservation.unbalanced(books) == {
            f"product {lamp} in stock, reserved and sold": 2,
            f"product {lamp} sold": -2,
        }


def test_the_script_alone_says_what_is_wrong_and_fails(books, order, lamp):
    change = "UPDATE products_product SET stock = stock - 1 WHERE id = %s"
    back = change.replace("-", "+")

    with falsified(books["products"], change, back, row=lamp):
        wrong = run(books)
    right = run(books)

    told = f"product {lamp} in stock, reserved and sold: +1\n"
    assert (wrong.returncode, wrong.stdout) == (1, told)
    assert (right.returncode, right.stdout) == (0, "")


def run(books):
    """Run the script as an operator would, who has nothing but the addresses of the databases."""
    urls = {f"{name.upper()}_DATABASE_URL": url for name, url in books.items()}
    return subprocess.run(
        [sys.executable, SCRIPT],
        env={**os.environ, **urls},
        capture_output=True,
        text=True,
        check=False,
    )
