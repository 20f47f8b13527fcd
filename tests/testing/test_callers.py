from __future__ import annotations

import pytest

from quintet import auth
from quintet.errors import AuthenticationException
from quintet.testing.callers import callers

OWNER = 7


def principal(name):
    client = callers(OWNER, "orders", "fire")[name]
    return auth.verify(client.defaults["HTTP_AUTHORIZATION"].removeprefix("Bearer "))


@pytest.mark.parametrize("name", ["expired", "forged", "misdirected"])
def test_a_caller_with_a_bad_token_is_refused(name):
    with pytest.raises(AuthenticationException):
        principal(name)


@pytest.mark.parametrize(("name", "service"), [("orders", "orders"), ("fire", "fire")])
def test_each_service_is_itself(name, service):
    assert principal(name).service == service


def test_people_are_told_apart():
    people = {name: principal(name) for name in ("owner", "stranger", "staff")}

    assert people["owner"].user_id == OWNER
    assert len({person.user_id for person in people.values()}) == len(people)
    assert [name for name, person in people.items() if person.is_staff] == ["staff"]


def test_nobody_carries_nothing():
    assert "HTTP_AUTHORIZATION" not in callers(OWNER, "orders")["nobody"].defaults
