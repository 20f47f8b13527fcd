"""Who gets what at each door: every operation, tried by everybody."""

from __future__ import annotations

import pytest

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
    "validation",
]
OWN = [401, 401, 401, 401, 404]
LOGIN = [400, 401, 401, 401, 400, 400, 400, 400, 400]
# What those who are let in get, with an empty body; a bad token is refused at public doors too.
DOORS = {
    "GET /api/v1/users/": [401, 401, 401, 401, 403, 403, 200, 403, 403],
    "POST /api/v1/users/": LOGIN,
    "GET /api/v1/users/{id}/": [*OWN, 200, 200, 200, 403],
    "PUT /api/v1/users/{id}/": [*OWN, 400, 400, 403, 403],
    "PATCH /api/v1/users/{id}/": [*OWN, 200, 200, 403, 403],
    "DELETE /api/v1/users/{id}/": [*OWN, 204, 204, 403, 403],
    "POST /api/v1/users/{id}/activate/": [401, 401, 401, 401, 403, 403, 200, 403, 403],
    "POST /api/v1/users/{id}/deactivate/": [*OWN, 200, 200, 403, 403],
    "GET /api/v1/users/{id}/profile/": [*OWN, 200, 200, 403, 403],
    "PUT /api/v1/users/{id}/profile/": [*OWN, 200, 200, 403, 403],
    "POST /api/v1/auth/token/": LOGIN,
    "POST /api/v1/auth/refresh/": LOGIN,
    "POST /api/v1/auth/revoke/": LOGIN,
}


def test_every_door_is_tried():
    assert set(DOORS) == operations()


@pytest.mark.parametrize("operation", DOORS)
@pytest.mark.parametrize(("number", "caller"), list(enumerate(CALLERS)))
def test_a_door_opens_for_whom_it_should(john, operation, number, caller):
    method, path = operation.replace("{id}", str(john.pk)).split()
    client = callers(john.pk, "orders", "validation")[caller]
    ask = getattr(client, method.lower())

    answer = ask(path) if method == "GET" else ask(path, {})

    assert answer.status_code == DOORS[operation][number]
