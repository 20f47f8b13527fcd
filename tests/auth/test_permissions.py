from __future__ import annotations

from types import SimpleNamespace

import pytest
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from quintet.auth import (
    ANONYMOUS,
    Authenticated,
    BearerAuthentication,
    Denied,
    Owner,
    Public,
    Staff,
    principal_of,
    service,
)
from quintet.errors import AuthenticationException

FACTORY = APIRequestFactory()


def status(permission, *, token="", owner_id=None, owner_field="owner_id"):
    """What a view with this permission answers to a request with this token."""

    class View(APIView):
        authentication_classes = [BearerAuthentication]
        permission_classes = [permission]

        def get(self, request):
            if owner_id is not None:
                self.owner_field = owner_field
                self.check_object_permissions(request, SimpleNamespace(**{owner_field: owner_id}))
            return Response({})

    headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {}
    return View.as_view()(FACTORY.get("/", **headers)).status_code


@pytest.fixture
def callers(users, payments):
    return {
        "nobody": "",
        "a user": users.user(),
        "staff": users.user(roles=["staff"]),
        "payments": payments.service("orders"),
        "users": users.service("orders"),
    }


@pytest.mark.parametrize(
    ("permission", "welcome"),
    [
        (Denied, set()),
        (Public, {"nobody", "a user", "staff", "payments", "users"}),
        (Authenticated, {"a user", "staff"}),
        (Owner, {"a user", "staff"}),
        (Staff, {"staff"}),
        (service("payments"), {"payments"}),
        (service("payments", "users"), {"payments", "users"}),
        (service("a user", "7"), set()),
        (Staff | service("users"), {"staff", "users"}),
        (Authenticated & Staff, {"staff"}),
        (Public & ~Staff, {"nobody", "a user", "payments", "users"}),
    ],
)
def test_a_permission_admits_these_and_nobody_else(callers, permission, welcome):
    admitted = {name for name, token in callers.items() if status(permission, token=token) == 200}

    assert admitted == welcome


def test_an_unknown_caller_is_401_and_a_known_one_403(users):
    assert status(Staff) == 401
    assert status(Staff, token=users.user()) == 403


@pytest.mark.parametrize("field", ["owner_id", "user_id"])
def test_an_owner_reaches_what_is_theirs_and_nothing_else(users, field):
    token = users.user(sub="7")

    answers = [status(Owner, token=token, owner_id=n, owner_field=field) for n in (7, 8)]

    assert answers == [200, 403]


def test_what_belongs_to_nobody_belongs_to_no_caller():
    request = SimpleNamespace(user=ANONYMOUS)

    assert not Owner().has_object_permission(request, None, SimpleNamespace(owner_id=None))


def test_staff_or_the_owner_may_reach_an_object(users):
    either = Owner | Staff

    answers = [
        status(either, token=users.user(sub="8", roles=roles), owner_id=7)
        for roles in ([], ["staff"])
    ]

    assert answers == [403, 200]


def test_an_object_without_an_owner_is_a_mistake_that_shows(users):
    with pytest.raises(AttributeError):
        Owner().has_object_permission(SimpleNamespace(user=ANONYMOUS), None, object())


def test_a_permission_for_services_names_at_least_one():
    with pytest.raises(TypeError):
        service()


def test_another_kind_of_user_counts_as_nobody():
    somebody = SimpleNamespace(is_authenticated=True, is_staff=True, pk=1)

    assert principal_of(SimpleNamespace(user=somebody)) is ANONYMOUS


def test_two_tokens_in_one_header_are_no_token(users):
    token = users.user()
    request = FACTORY.get("/", HTTP_AUTHORIZATION=f"Bearer {token},Bearer {token}")

    with pytest.raises(AuthenticationException):
        BearerAuthentication().authenticate(request)


def test_a_token_is_read_from_the_header_alone(users):
    request = FACTORY.post(f"/?access_token={users.user()}", {"access_token": users.user()})

    assert BearerAuthentication().authenticate(request) is None


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "bearer", "Bearer x y", "Bearer  x.y.z"])
def test_a_malformed_bearer_header_is_refused_also_on_a_public_route(header):
    request = FACTORY.get("/", HTTP_AUTHORIZATION=header)

    with pytest.raises(AuthenticationException):
        BearerAuthentication().authenticate(request)


@pytest.mark.parametrize("header", ["", "Basic dXNlcjpwdw==", "Token abc", "BearerX abc"])
def test_another_scheme_is_anonymous(header):
    request = FACTORY.get("/", HTTP_AUTHORIZATION=header)

    assert BearerAuthentication().authenticate(request) is None


def test_the_scheme_is_read_in_any_case(users):
    request = FACTORY.get("/", HTTP_AUTHORIZATION=f"bEARER {users.user()}")

    principal, credentials = BearerAuthentication().authenticate(request)

    assert (principal.user_id, credentials) == (7, None)


def test_a_401_names_the_scheme():
    assert BearerAuthentication().authenticate_header(FACTORY.get("/")) == "Bearer"
