"""Many at once: what exists once is sold once, and every cent is accounted for."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from itertools import cycle

import people
import pytest
from crowd import BUSY, CROWD, at_once

pytestmark = pytest.mark.usefixtures("conserved")


def test_fifty_orders_for_the_last_ten_items(system, operator, gateway):
    shopper = people.registered(gateway)
    product = operator.stocked(10, price=700)
    before = money(system)
    cut = []

    def buy():
        answer = shopper.order(product)
        if answer.status == BUSY and "order_id" in answer.error.get("details", {}):
            cut.append(answer)  # a busy neighbour cut it short; its order has begun, and fails
        return answer

    answers = at_once(buy)
    system.manage("orders", "resume_orders", "--age-seconds=0")

    orders = shopper.ask("GET", "/api/v1/orders/?page_size=100").json["results"]
    assert Counter(answer.status for answer in answers) == {201: 10, 422: 40}
    assert Counter(order["status"] for order in orders) == {
        "confirmed": 10,
        "failed": 40 + len(cut),
    }
    assert operator.ask("GET", f"/api/v1/products/{product}/").json["stock"] == 0
    assert money(system) == {name: amount + 7000 for name, amount in before.items()}


def test_fifty_requests_with_one_key_buy_once(operator, gateway):
    shopper, product, key = people.registered(gateway), operator.stocked(10), str(uuid.uuid4())

    answers = at_once(lambda: shopper.order(product, key=key))

    again = shopper.order(product, key=key)
    orders = shopper.ask("GET", "/api/v1/orders/").json["results"]
    assert {answer.status for answer in answers} <= {201, 409}
    assert {answer.json["id"] for answer in answers if answer.status == 201} == {again.json["id"]}
    assert (again.status, again.headers["idempotent-replayed"]) == (201, "true")
    assert [order["status"] for order in orders] == ["confirmed"]
    assert operator.ask("GET", f"/api/v1/products/{product}/").json["stock"] == 9


def test_a_key_is_for_one_deed_of_one_person(gateway, operator):
    shopper, other = people.registered(gateway), people.registered(gateway)
    product, key = operator.stocked(10), str(uuid.uuid4())
    mine = shopper.order(product, key=key)

    assert shopper.order(product, quantity=2, key=key).status == 422
    theirs = other.order(product, key=key)

    assert (mine.status, theirs.status) == (201, 201)
    assert mine.json["id"] != theirs.json["id"]
    assert operator.ask("GET", f"/api/v1/products/{product}/").json["stock"] == 8


def money(system):
    """What the orders say was paid, and what payments say was taken and not given back."""
    orders = json.loads(system.manage("orders", "order_totals", "--json"))
    payments = json.loads(system.manage("payments", "payments_totals", "--json"))
    confirmed = sum(row["amount"] for row in orders if row["status"] == "confirmed")
    captured = sum(row["captured"] - row["refunded"] for row in payments)
    return {"confirmed": confirmed, "captured": captured}


def test_the_same_person_registers_fifty_times_at_once(gateway):
    form = people.somebody()

    answers = at_once(lambda: gateway.ask("POST", "/api/v1/users/", form))

    rules = {a.error["details"]["business_rule"] for a in answers if a.status == 422}
    assert Counter(answer.status for answer in answers) == {201: 1, 422: CROWD - 1}
    assert rules <= {"unique_email", "unique_username"}


def test_the_same_address_in_different_cases_is_one_person(gateway):
    forms = cycle([people.somebody() for _ in range(20)])
    address = people.somebody()["email"]

    def register():
        form = next(forms)
        return gateway.ask("POST", "/api/v1/users/", {**form, "email": cased(address, form)})

    assert Counter(a.status for a in at_once(register, 20)) == {201: 1, 422: 19}


def cased(address, form):
    return address.upper() if form["username"][-1] in "02468ace" else address


def test_an_order_is_cancelled_once_however_often_it_is_asked_for(shopper, operator, lamp):
    order = shopper.order(lamp, 2).json["id"]

    answers = at_once(lambda: shopper.ask("POST", f"/api/v1/orders/{order}/cancel/"), 10)

    assert {answer.status for answer in answers} == {200}
    assert operator.ask("GET", f"/api/v1/products/{lamp}/").json["stock"] == 5
