from __future__ import annotations

import json

import jwt
import pytest
from django.core.exceptions import ImproperlyConfigured

from quintet import auth
from quintet.auth import tokens
from quintet.errors import AuthenticationException
from tests.auth.forging import Issuer


@pytest.fixture
def users_service(configure, users):
    """This process is the users service, with the key of users."""
    configure(SERVICE_NAME="users", AUTH_SIGNING_KEYS=users.pem)


@pytest.fixture
def orders_service(configure):
    """This process is orders, and can sign."""
    issuer = Issuer("orders")
    configure(AUTH_SIGNING_KEYS=issuer.pem)
    return issuer


def parts(token):
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


def test_the_issuer_accepts_its_own_token_without_asking_anybody(users_service):
    token = auth.issue_user_token(42, roles={"staff"})

    with auth.use_key_source(auth.MemoryKeySource({})):
        principal = auth.verify(token)

    assert (principal.user_id, principal.is_staff) == (42, True)


def test_a_users_token_says_what_was_agreed(users_service, users):
    header, claims = parts(auth.issue_user_token(42, roles={"b", "a"}, lifetime_seconds=300))

    assert header == {"alg": "ES256", "typ": "at+jwt", "kid": users.keys.kid}
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("users", "42", "quintet")
    assert (claims["exp"] - claims["iat"], claims["roles"]) == (300, ["a", "b"])
    assert claims["nbf"] == claims["iat"]
    assert "sid" not in claims


def test_a_session_is_named_in_the_token(users_service):
    assert parts(auth.issue_user_token(42, session="s-1"))[1]["sid"] == "s-1"


def test_no_two_tokens_have_the_same_id(users_service):
    assert len({parts(auth.issue_user_token(42))[1]["jti"] for _ in range(50)}) == 50


def test_other_services_accept_the_token(users_service, configure):
    token = auth.issue_user_token(42)
    configure(SERVICE_NAME="orders")

    assert auth.verify(token).user_id == 42


def test_a_service_that_is_not_the_issuer_of_users_issues_none(orders_service):
    with pytest.raises(ImproperlyConfigured, match="AUTH_USER_ISSUER"):
        auth.issue_user_token(42)


@pytest.mark.parametrize("seconds", [-1, 0, 86_401])
def test_no_users_token_is_issued_that_nobody_would_accept(users_service, seconds):
    with pytest.raises(ValueError, match=str(seconds)):
        auth.issue_user_token(42, lifetime_seconds=seconds)


def test_a_users_token_may_live_for_a_day(users_service):
    assert auth.verify(auth.issue_user_token(42, lifetime_seconds=86_400)).user_id == 42


def test_without_a_key_no_users_token_is_issued(configure):
    configure(SERVICE_NAME="users")

    with pytest.raises(ImproperlyConfigured, match="AUTH_SIGNING_KEYS"):
        auth.issue_user_token(42)


def test_an_unreadable_key_is_said_to_be_one(configure):
    configure(AUTH_SIGNING_KEYS="not a key")

    with pytest.raises(ImproperlyConfigured, match="AUTH_SIGNING_KEYS"):
        auth.jwks()


def test_a_services_token_is_accepted_by_its_audience_only(orders_service, configure):
    token = auth.service_token("payments")
    trusted = auth.MemoryKeySource({"orders": orders_service.document})

    with auth.use_key_source(trusted):
        configure(SERVICE_NAME="payments")
        principal = auth.verify(token)
        configure(SERVICE_NAME="products")
        with pytest.raises(AuthenticationException):
            auth.verify(token)

    assert principal.service == "orders"


def test_a_services_token_lives_for_a_minute(orders_service):
    header, claims = parts(auth.service_token("payments"))

    assert header["typ"] == "service+jwt"
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("orders", "orders", "payments")
    assert claims["exp"] - claims["iat"] == 60


def test_a_services_token_is_used_again_until_it_has_fifteen_seconds_left(
    orders_service, monkeypatch
):
    now = 1_800_000_000
    made = []
    for age in (0, 44, 46, 47):
        monkeypatch.setattr(tokens.time, "time", lambda age=age: now + age)
        made.append(auth.service_token("payments"))

    assert made[0] == made[1] != made[2] == made[3]


def test_a_clock_that_was_set_back_does_not_revive_a_token_of_the_future(
    orders_service, monkeypatch
):
    made = []
    for now in (1_800_000_000, 1_800_000_000 - 3600):
        monkeypatch.setattr(tokens.time, "time", lambda now=now: now)
        made.append(auth.service_token("payments"))

    assert made[0] != made[1]


def test_each_audience_has_a_token_of_its_own(orders_service):
    assert auth.service_token("payments") != auth.service_token("products")


def test_a_new_key_signs_the_next_token(orders_service, configure):
    before = auth.service_token("payments")
    renewed = Issuer("orders")
    configure(AUTH_SIGNING_KEYS=renewed.pem + orders_service.pem)

    after = auth.service_token("payments")

    assert parts(before)[0]["kid"] == orders_service.keys.kid
    assert parts(after)[0]["kid"] == renewed.keys.kid


def test_a_service_without_a_key_has_no_token(configure):
    assert auth.service_token("payments") is None


def test_a_service_publishes_its_keys_and_nothing_private(orders_service):
    document = json.loads(json.dumps(auth.jwks()))

    assert document == orders_service.document
    assert "d" not in document["keys"][0]


def test_a_service_without_a_key_publishes_none():
    assert auth.jwks() == {"keys": []}


def test_a_rotation_is_accepted_by_the_service_itself(users_service, users, configure):
    before = auth.issue_user_token(1)
    renewed = Issuer("users")
    configure(SERVICE_NAME="users", AUTH_SIGNING_KEYS=renewed.pem + users.pem)

    assert [auth.verify(t).user_id for t in (before, auth.issue_user_token(2))] == [1, 2]


def test_nobody_is_nobody():
    nobody = auth.anonymous()

    assert nobody is auth.ANONYMOUS
    assert (nobody.is_authenticated, nobody.is_staff, nobody.user_id, nobody.pk) == (
        False,
        False,
        None,
        "",
    )
