"""Who gets what at each door: every operation, tried by everybody."""

from __future__ import annotations

import pytest

from payments import domain
from quintet.testing.callers import callers
from quintet.testing.contract import operations

CALLERS = [
    "nobody",
    "expired",
    "forged",
    "misdirected",
    "stranger",
    "owner",
    "staff",
    "orders",
    "users",
]
OWNER = 7
NOT_ORDERS = [401, 401, 401, 401, 403, 403, 403]
# What those who are let in get, from a payment of the owner whose money is held.
DOORS = {
    "GET /api/v1/payments/": [401, 401, 401, 401, 200, 200, 200, 403, 403],
    "GET /api/v1/payments/{reference}/": [401, 401, 401, 401, 404, 200, 200, 403, 403],
    "GET /api/v1/receipts/": [401, 401, 401, 401, 200, 200, 200, 403, 403],
    "GET /api/v1/receipts/{reference}/": [401, 401, 401, 401, 404, 200, 200, 403, 403],
    "POST /internal/v1/payments/": [*NOT_ORDERS, 400, 403],
    "GET /internal/v1/payments/{reference}/": [*NOT_ORDERS, 200, 403],
    "POST /internal/v1/payments/{reference}/capture/": [*NOT_ORDERS, 200, 403],
    "POST /internal/v1/payments/{reference}/refund/": [*NOT_ORDERS, 409, 403],
    "POST /internal/v1/payments/{reference}/void/": [*NOT_ORDERS, 200, 403],
}


def test_every_door_is_tried():
    assert set(DOORS) == operations()


@pytest.mark.parametrize("operation", DOORS)
@pytest.mark.parametrize(("number", "caller"), list(enumerate(CALLERS)))
def test_a_door_opens_for_whom_it_should(held, operation, number, caller):
    domain.issue_receipt(held.reference, user_id=OWNER, amount=held.amount, currency="EUR")
    method, path = operation.replace("{reference}", held.reference).split()
    client = callers(OWNER, "orders", "users")[caller]

    answer = getattr(client, method.lower())(path, {} if method == "POST" else None)

    assert answer.status_code == DOORS[operation][number]


@pytest.mark.parametrize(("caller", "seen"), [("owner", 1), ("stranger", 0), ("staff", 2)])
def test_a_list_holds_the_payments_of_whoever_asks(held, caller, seen):
    domain.void("barred")

    listed = callers(OWNER, "orders")[caller].get("/api/v1/payments/").json()

    assert len(listed["results"]) == listed["pagination"]["count"] == seen
