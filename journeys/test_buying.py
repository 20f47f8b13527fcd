"""A customer walks in, buys, changes their mind, is refused: what a shop is there for."""

from __future__ import annotations

import people
import pytest
from system import until

pytestmark = pytest.mark.usefixtures("conserved")


def test_somebody_registers_logs_in_and_sees_themselves(gateway):
    form = people.somebody()
    made = gateway.ask("POST", "/api/v1/users/", form)

    person = people.logged_in(gateway, form["username"], made.json["id"])
    seen = person.ask("GET", f"/api/v1/users/{person.id}/")

    assert made.status == 201
    assert (seen.status, seen.json["email"]) == (200, form["email"])


def test_an_order_is_placed_read_and_cancelled(shopper, operator, lamp):
    placed = shopper.order(lamp, 2)
    order = f"/api/v1/orders/{placed.json['id']}/"
    stock_between = stock_of(operator, lamp)

    cancelled = shopper.ask("POST", f"{order}cancel/")

    assert (placed.status, placed.json["status"]) == (201, "confirmed")
    assert (placed.json["total_amount"], placed.json["currency"]) == (2 * 1999, "EUR")
    assert (cancelled.status, cancelled.json["status"]) == (200, "cancelled")
    assert shopper.ask("GET", order).json["status"] == "cancelled"
    assert (stock_between, stock_of(operator, lamp)) == (3, 5)


def test_a_cancelled_order_is_refunded(shopper, lamp):
    order = shopper.order(lamp).json

    shopper.ask("POST", f"/api/v1/orders/{order['id']}/cancel/")

    payments = shopper.ask("GET", "/api/v1/payments/").json["results"]
    assert [payment["status"] for payment in payments] == ["refunded"]


def test_a_declined_payment_leaves_the_stock_alone(shopper, operator, lamp):
    refused = shopper.order(lamp, method="card-declined")

    details = refused.error["details"]
    kept = shopper.ask("GET", f"/api/v1/orders/{details['order_id']}/").json
    assert (refused.status, details["business_rule"]) == (422, "payment_declined")
    assert (kept["status"], kept["failure_rule"]) == ("failed", "payment_declined")
    assert stock_of(operator, lamp) == 5


def test_a_sold_out_product_costs_nothing(shopper, operator, lamp):
    refused = shopper.order(lamp, 6)

    assert (refused.status, refused.error["details"]["business_rule"]) == (422, "out_of_stock")
    assert shopper.ask("GET", "/api/v1/payments/").json["results"] == []
    assert stock_of(operator, lamp) == 5


@pytest.mark.parametrize("method", ["card-timeout", "card-capture-timeout"])
def test_a_payment_whose_answer_gets_lost_is_asked_for_again_and_made_once(
    shopper, operator, lamp, method
):
    late = shopper.order(lamp, method=method)

    (payment,) = shopper.ask("GET", "/api/v1/payments/").json["results"]
    assert (late.status, late.json["status"]) == (201, "confirmed")
    assert (payment["captured_amount"], payment["refunded_amount"]) == (
        late.json["total_amount"],
        0,
    )
    assert stock_of(operator, lamp) == 4


def test_a_deactivated_user_cannot_buy(shopper, lamp):
    shopper.ask("POST", f"/api/v1/users/{shopper.id}/deactivate/")

    refused = shopper.order(lamp)

    assert (refused.status, refused.error["details"]["business_rule"]) == (422, "inactive_user")


def test_a_buyer_sees_what_became_of_an_order_and_a_stranger_does_not(gateway, shopper, lamp):
    order = f"/api/v1/orders/{shopper.order(lamp).json['id']}/"
    shopper.ask("POST", f"{order}cancel/")

    timeline = shopper.ask("GET", f"{order}timeline/").json

    assert [step["status"] for step in timeline["steps"]] == [
        *("placed", "verified", "reserved", "authorised", "charged", "confirmed"),
        *("cancelling", "cancelled"),
    ]
    assert people.registered(gateway).ask("GET", f"{order}timeline/").status == 404


@pytest.mark.parametrize("page", ["/api/v1/orders/", "/api/v1/payments/"])
def test_nobody_sees_what_others_bought(gateway, shopper, lamp, page):
    order = shopper.order(lamp).json
    stranger = people.registered(gateway)

    assert shopper.ask("GET", page).json["pagination"]["count"] == 1
    assert stranger.ask("GET", page).json["pagination"]["count"] == 0
    assert stranger.ask("GET", f"/api/v1/orders/{order['id']}/").status == 404
    assert stranger.ask("POST", f"/api/v1/orders/{order['id']}/cancel/").status == 404


def stock_of(person, product):
    return person.ask("GET", f"/api/v1/products/{product}/").json["stock"]


def test_an_order_has_a_receipt_a_moment_later_and_a_cancelled_one_says_so(shopper, lamp):
    placed = shopper.order(lamp)
    receipts = "/api/v1/receipts/"
    until(lambda: shopper.ask("GET", receipts).json["results"])
    until(lambda: shopper.ask("GET", receipts).json["results"][0]["document"])

    shopper.ask("POST", f"/api/v1/orders/{placed.json['id']}/cancel/")
    until(lambda: shopper.ask("GET", receipts).json["results"][0]["cancelled_at"])

    (receipt,) = shopper.ask("GET", receipts).json["results"]
    assert receipt["amount"] == placed.json["total_amount"]
    assert receipt["reference"] in receipt["document"]
