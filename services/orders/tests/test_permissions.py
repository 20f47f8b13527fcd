"""Who gets what at each door: every operation, tried by everybody."""

from __future__ import annotations

import pytest

from orders.models import Order
from quintet.testing.callers import callers
from quintet.testing.contract import operations

pytestmark = pytest.mark.django_db(transaction=True)

CALLERS = [
    "nobody",
    "expired",
    "forged",
    "misdirected",
    "stranger",
    "owner",
    "staff",
    "users",
    "products",
]
OWNER = 7
# The bodies are empty and the order has failed, so 400 and 409 are what becomes of those let in.
DOORS = {
    "GET /api/v1/orders/": [401, 401, 401, 401, 200, 200, 200, 403, 403],
    "POST /api/v1/orders/": [401, 401, 401, 401, 400, 400, 400, 403, 403],
    "GET /api/v1/orders/{id}/": [401, 401, 401, 401, 404, 200, 200, 403, 403],
    "GET /api/v1/orders/{id}/timeline/": [401, 401, 401, 401, 404, 200, 200, 403, 403],
    "POST /api/v1/orders/{id}/cancel/": [401, 401, 401, 401, 404, 409, 404, 403, 403],
}


def test_every_door_is_tried():
    assert set(DOORS) == operations()


@pytest.mark.parametrize("operation", DOORS)
@pytest.mark.parametrize(("number", "caller"), list(enumerate(CALLERS)))
def test_a_door_opens_for_whom_it_should(operation, number, caller):
    order = Order.objects.create(user_id=OWNER, payment_method="card-ok", status="failed")
    method, path = operation.replace("{id}", str(order.pk)).split()
    client = callers(OWNER, "users", "products")[caller]

    answer = getattr(client, method.lower())(path)

    assert answer.status_code == DOORS[operation][number]


@pytest.mark.parametrize(("caller", "seen"), [("owner", 1), ("stranger", 0), ("staff", 0)])
def test_a_list_holds_the_orders_of_whoever_asks(caller, seen):
    Order.objects.create(user_id=OWNER, payment_method="card-ok")

    listed = callers(OWNER, "users")[caller].get("/api/v1/orders/").json()

    assert len(listed["results"]) == listed["pagination"]["count"] == seen
