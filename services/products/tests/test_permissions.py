"""Who gets what at each door: every operation, tried by everybody."""

from __future__ import annotations

import pytest

from products import domain
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
SOMEBODY = 7
EVERYBODY = [200, 401, 401, 401, 200, 200, 200, 200, 200]
NOT_ORDERS = [401, 401, 401, 401, 403, 403, 403]
# What those who are let in get, with an empty body; a bad token is refused at public doors too.
DOORS = {
    "GET /api/v1/products/": EVERYBODY,
    "POST /api/v1/products/": [401, 401, 401, 401, 403, 403, 400, 403, 403],
    "GET /api/v1/products/{id}/": EVERYBODY,
    "PUT /api/v1/products/{id}/": [401, 401, 401, 401, 403, 403, 400, 403, 403],
    "PATCH /api/v1/products/{id}/": [401, 401, 401, 401, 403, 403, 200, 403, 403],
    "DELETE /api/v1/products/{id}/": [401, 401, 401, 401, 403, 403, 204, 403, 403],
    "POST /api/v1/products/{id}/restock/": [401, 401, 401, 401, 403, 403, 400, 403, 403],
    "POST /internal/v1/reservations/": [*NOT_ORDERS, 400, 403],
    "GET /internal/v1/reservations/{reference}/": [*NOT_ORDERS, 200, 403],
    "POST /internal/v1/reservations/{reference}/commit/": [*NOT_ORDERS, 200, 403],
    "POST /internal/v1/reservations/{reference}/release/": [*NOT_ORDERS, 200, 403],
}


def test_every_door_is_tried():
    assert set(DOORS) == operations()


@pytest.mark.parametrize("operation", DOORS)
@pytest.mark.parametrize(("number", "caller"), list(enumerate(CALLERS)))
def test_a_door_opens_for_whom_it_should(lamp, rug, operation, number, caller):
    domain.reserve("order-1", {rug.pk: 1})
    path = operation.format(id=lamp.pk, reference="order-1").split()[1]
    client = callers(SOMEBODY, "orders", "users")[caller]
    ask = getattr(client, operation.split()[0].lower())

    answer = ask(path) if operation.startswith("GET") else ask(path, {})

    assert answer.status_code == DOORS[operation][number]
