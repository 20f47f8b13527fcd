"""A URL in the environment replaces the embedded server: here, a file for each service."""

from __future__ import annotations

import people
import pytest
from crowd import at_once
from system import ROOT, System

OWNERS = ("users", "products", "payments", "orders")


@pytest.fixture(scope="module")
def on_files(scratch):
    """The five services without PostgreSQL."""
    state = scratch / "on-files"
    state.mkdir()
    urls = {f"{name.upper()}_DATABASE_URL": f"sqlite:///{state / name}.db" for name in OWNERS}
    made = System(root=ROOT, state=state, variables=urls)
    try:
        made.up()
        yield made
    finally:
        made.command("down", check=False)


def test_an_order_goes_through_on_sqlite(on_files):
    gateway = on_files.gateway()
    shopper = people.registered(gateway)
    product = people.operator(on_files, gateway).stocked(5)

    placed = shopper.order(product, 2)
    cancelled = shopper.ask("POST", f"/api/v1/orders/{placed.json['id']}/cancel/")

    assert (placed.status, placed.json["status"]) == (201, "confirmed")
    assert (cancelled.status, cancelled.json["status"]) == (200, "cancelled")


def test_stock_is_sold_once_on_sqlite_too(on_files):
    gateway = on_files.gateway()
    product = people.operator(on_files, gateway).stocked(3)

    answers = at_once(lambda: people.registered(gateway).order(product), 6)

    assert sorted(answer.status for answer in answers) == [201, 201, 201, 422, 422, 422]


def test_no_server_is_started_that_nobody_needs(on_files):
    names = {unit["name"] for unit in on_files.status()["units"]}

    assert "postgres" not in names
    assert on_files.status()["origins"]["orders database"] == "ORDERS_DATABASE_URL"
