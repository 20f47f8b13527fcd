"""The doors: what is taken in, who may see what, and how a refusal looks."""

from __future__ import annotations

import json
import uuid

import pytest
from world import PRICE, STOCK

from orders.models import Order
from quintet.testing.identity import as_nobody, as_service, as_user

pytestmark = pytest.mark.django_db(transaction=True)

ORDERS = "/api/v1/orders/"
LAMPS = {"lines": [{"product_id": 1, "quantity": 2}], "payment_method": "card-ok"}
SHOPPER, STRANGER = 7, 8


@pytest.fixture
def shopper(client):
    return as_user(client, SHOPPER)


def post(client, path, body=None, *, key=None):
    return client.post(
        path,
        json.dumps(body),
        content_type="application/json",
        headers={"Idempotency-Key": key or str(uuid.uuid4())},
    )


def test_an_order_is_placed_and_shown(world, shopper):
    placed = post(shopper, ORDERS, LAMPS)

    assert placed.status_code == 201
    assert placed.json()["status"] == "confirmed"
    assert placed.json()["total_amount"] == 2 * PRICE
    assert shopper.get(f"{ORDERS}{placed.json()['id']}/").json() == placed.json()


def test_the_buyer_is_whoever_asks(world, shopper):
    assert post(shopper, ORDERS, LAMPS).json()["user_id"] == SHOPPER


def test_a_refusal_names_the_rule_and_the_order(world, shopper):
    wanted = {**LAMPS, "lines": [{"product_id": 1, "quantity": STOCK + 1}]}

    refused = post(shopper, ORDERS, wanted)

    details = refused.json()["error"]["details"]
    assert refused.status_code == 422
    assert details["business_rule"] == "out_of_stock"
    kept = shopper.get(f"{ORDERS}{details['order_id']}/").json()
    assert (kept["status"], kept["failure_rule"]) == ("failed", "out_of_stock")


@pytest.mark.parametrize(
    ("fault", "status"), [("silence before", 504), ("away before", 503), ("broken before", 502)]
)
def test_a_failure_of_another_service_is_told_apart(world, shopper, fault, status):
    world.faults = {3: fault}

    failed = post(shopper, ORDERS, LAMPS)

    assert failed.status_code == status
    assert failed.json()["error"]["details"]["order_id"] == Order.objects.get().pk


@pytest.mark.parametrize(
    "body",
    [
        {},
        {**LAMPS, "lines": []},
        {**LAMPS, "lines": [{"product_id": n, "quantity": 1} for n in range(1, 52)]},
        {**LAMPS, "lines": [{"product_id": 1, "quantity": 0}]},
        {**LAMPS, "lines": [{"product_id": 1, "quantity": 1001}]},
        {**LAMPS, "lines": [{"product_id": 2**63, "quantity": 1}]},
        {**LAMPS, "lines": [{"product_id": 1, "quantity": 1}, {"product_id": 1, "quantity": 2}]},
        {**LAMPS, "lines": [{"product_id": 1, "quantity": 1, "price": 0}]},
        {**LAMPS, "user_id": STRANGER},
        {**LAMPS, "payment_method": ""},
        {**LAMPS, "payment_method": "4111111111111111"},
    ],
)
def test_a_malformed_order_is_refused_before_anything_happens(world, shopper, body):
    refused = post(shopper, ORDERS, body)

    assert refused.status_code == 400
    assert refused.json()["error"]["details"]["field_errors"]
    assert (Order.objects.count(), world.state["requests"]) == (0, 0)


def test_the_largest_order_is_taken(world, shopper):
    lines = [{"product_id": n, "quantity": 1000} for n in range(1, 51)]

    assert post(shopper, ORDERS, {**LAMPS, "lines": lines}).status_code == 422


def test_an_order_does_not_exist_for_a_stranger(world, shopper):
    path = f"{ORDERS}{post(shopper, ORDERS, LAMPS).json()['id']}/"
    stranger = as_user(shopper, STRANGER)

    assert stranger.get(path).status_code == 404
    assert post(stranger, f"{path}cancel/").status_code == 404
    assert stranger.get(ORDERS).json()["results"] == []


def test_staff_see_any_order_and_cancel_none_of_others(world, shopper):
    path = f"{ORDERS}{post(shopper, ORDERS, LAMPS).json()['id']}/"
    staff = as_user(shopper, STRANGER, staff=True)

    assert staff.get(path).status_code == 200
    assert post(staff, f"{path}cancel/").status_code == 404


@pytest.mark.parametrize("path", [ORDERS, f"{ORDERS}1/"])
def test_nobody_sees_orders_without_a_token(client, path):
    assert as_nobody(client).get(path).status_code == 401


def test_a_service_is_no_buyer(client, world):
    assert post(as_service(client, "users"), ORDERS, LAMPS).status_code in {401, 403}


def test_a_cancelled_order_stays_cancelled(world, shopper):
    path = f"{ORDERS}{post(shopper, ORDERS, LAMPS).json()['id']}/cancel/"

    answers = [post(shopper, path) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert {answer.json()["status"] for answer in answers} == {"cancelled"}


def test_a_failed_order_cannot_be_cancelled(world, shopper):
    order = Order.objects.create(user_id=SHOPPER, payment_method="x", status="failed")

    refused = post(shopper, f"{ORDERS}{order.pk}/cancel/")

    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "CONFLICT"


def test_orders_are_listed_by_page_and_status(shopper):
    for status in ("failed", "confirmed", "failed"):
        Order.objects.create(user_id=SHOPPER, payment_method="x", status=status)

    listed = shopper.get(ORDERS, {"status": "failed", "page_size": 1}).json()

    assert [order["status"] for order in listed["results"]] == ["failed"]
    assert (listed["pagination"]["count"], listed["pagination"]["pages"]) == (2, 2)


@pytest.mark.parametrize("query", [{"status": "lost"}, {"colour": "red"}, {"ordering": "version"}])
def test_an_unknown_filter_is_refused(shopper, query):
    assert shopper.get(ORDERS, query).status_code == 400


def test_a_list_asks_the_database_thrice_whatever_its_length(
    shopper, django_assert_max_num_queries
):
    for number in range(10):
        order = Order.objects.create(user_id=SHOPPER, payment_method="x")
        order.lines.create(product_id=number, quantity=1)

    with django_assert_max_num_queries(3):
        assert len(shopper.get(ORDERS).json()["results"]) == 10


def test_one_key_is_one_order_and_one_answer(world, shopper):
    answers = [post(shopper, ORDERS, LAMPS, key="k1") for _ in range(2)]

    assert [it.status_code for it in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert (Order.objects.count(), world.state["stock"]) == (1, STOCK - 2)


def test_an_order_without_a_key_is_refused(world, shopper):
    refused = shopper.post(ORDERS, json.dumps(LAMPS), content_type="application/json")

    assert refused.status_code == 400
    assert "Idempotency-Key" in refused.json()["error"]["details"]["field_errors"]
    assert Order.objects.count() == 0


def test_what_another_service_could_not_do_may_be_asked_for_again(world, shopper):
    world.faults = {3: "away before"}
    assert post(shopper, ORDERS, LAMPS, key="k1").status_code == 503

    again = post(shopper, ORDERS, LAMPS, key="k1")

    assert (again.status_code, again.json()["status"]) == (201, "confirmed")
    assert world.state["stock"] == STOCK - 2
