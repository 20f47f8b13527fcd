"""Who gets what at the one door: tried by everybody."""

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
    "users",
    "orders",
]
SOMEBODY = 7
DOORS = {"POST /api/v1/validate/": [401, 401, 401, 401, 403, 403, 403, 400, 403]}


def test_every_door_is_tried():
    assert set(DOORS) == operations()


@pytest.mark.parametrize("operation", DOORS)
@pytest.mark.parametrize(("number", "caller"), list(enumerate(CALLERS)))
def test_the_door_opens_for_users_only(operation, number, caller):
    path = operation.split()[1]

    answer = callers(SOMEBODY, "users", "orders")[caller].post(path, {})

    assert answer.status_code == DOORS[operation][number]
