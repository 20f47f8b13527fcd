from __future__ import annotations

import pytest
from django.test import Client
from rest_framework.test import APIClient

from quintet import auth
from quintet.auth import UnknownIssuer, tokens
from quintet.errors import AuthenticationException
from quintet.settings import ServiceSettings, text
from quintet.testing import identity
from quintet.testing.identity import Identity, as_nobody, as_service, as_user
from tests.auth.conftest import ENVIRONMENT
from tests.auth.forging import Issuer


class OrdersSettings(ServiceSettings):
    SERVICE_NAME: str = text(default="orders")


@pytest.fixture
def configure(settings):
    def change(**environment):
        settings.QUINTET = OrdersSettings.load(environ=ENVIRONMENT | environment)

    return change


@pytest.fixture(autouse=True)
def orders(configure):
    configure()
    with auth.use_key_source(auth.MemoryKeySource({})):
        yield


def principal(client):
    return auth.verify(client.defaults["HTTP_AUTHORIZATION"].removeprefix("Bearer "))


@pytest.mark.parametrize("kind", [Client, APIClient])
def test_a_client_asks_as_a_user(kind):
    client = as_user(kind(), 7)

    assert (principal(client).user_id, principal(client).is_staff) == (7, False)


def test_a_client_asks_as_staff():
    assert principal(as_user(Client(), 7, staff=True)).is_staff


def test_a_client_asks_as_a_service():
    assert principal(as_service(Client(), "payments")).service == "payments"


def test_a_client_asks_as_nobody_again():
    client = as_nobody(as_nobody(as_user(Client(), 7)))

    assert "HTTP_AUTHORIZATION" not in client.defaults


def test_the_service_under_test_signs_with_its_own_key(configure):
    own = Issuer("users")
    configure(SERVICE_NAME="users", AUTH_SIGNING_KEYS=own.pem)

    with auth.use_key_source(auth.MemoryKeySource({})):
        principal = auth.verify(Identity().user_token(7))

    assert principal.user_id == 7


def test_the_service_under_test_without_a_key_gets_one(configure):
    configure(SERVICE_NAME="users")
    made = Identity()

    with made.trusted():
        assert auth.verify(made.user_token(7)).user_id == 7


def test_an_expired_token_can_be_made():
    made = Identity()

    with made.trusted(), pytest.raises(AuthenticationException):
        auth.verify(made.user_token(7, lifetime_seconds=-3600))


def test_a_token_for_another_service_can_be_made():
    made = Identity()

    with made.trusted(), pytest.raises(AuthenticationException):
        auth.verify(made.service_token("payments", audience="products"))


def test_an_identity_vouches_only_for_those_it_signed_for():
    with pytest.raises(UnknownIssuer):
        Identity().fetch("users")


def test_the_shared_identity_is_trusted_from_its_first_use():
    as_user(Client(), 7)
    as_user(Client(), 8)

    assert tokens.key_source() is identity._identity
