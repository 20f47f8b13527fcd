from __future__ import annotations

import pytest

from quintet import wire
from quintet.auth import MemoryKeySource, use_key_source
from quintet.settings import ServiceSettings, text
from tests.auth.forging import Issuer

ENVIRONMENT = {
    "SERVICE_ENVIRONMENT": "test",
    "SECRET_KEY": "a key for tests, and for nothing else",
    "ALLOWED_HOSTS": "testserver",
}


class OrdersSettings(ServiceSettings):
    SERVICE_NAME: str = text(default="orders")


@pytest.fixture
def configure(settings):
    """Gives the service under test, orders, another environment."""

    def change(**environment):
        settings.QUINTET = OrdersSettings.load(environ=ENVIRONMENT | environment)

    return change


@pytest.fixture(autouse=True)
def orders(configure):
    configure()


@pytest.fixture
def users():
    return Issuer("users")


@pytest.fixture
def payments():
    return Issuer("payments")


@pytest.fixture
def source(users, payments):
    return MemoryKeySource({issuer.name: issuer.document for issuer in (users, payments)})


@pytest.fixture(autouse=True)
def trusted(source):
    """Orders trusts users and payments."""
    with use_key_source(source):
        yield


@pytest.fixture(autouse=True)
def no_connections():
    yield
    wire.forget_connections()
