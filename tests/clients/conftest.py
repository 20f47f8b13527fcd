from __future__ import annotations

import pytest

from quintet import wire
from quintet.clients import dependencies
from quintet.settings import ServiceSettings, addresses, text, url
from tests.auth.conftest import ENVIRONMENT
from tests.wire.servers import serving


class OrdersSettings(ServiceSettings):
    SERVICE_NAME: str = text(default="orders")
    USERS_SERVICE_URL: str = addresses(default="http://users.invalid:8000")
    GIFT_CARDS_SERVICE_URL: str = url(schemes=("http", "https"), default="http://cards.invalid")


@pytest.fixture
def configure(settings):
    """Gives the service under test, orders, another environment."""

    def change(**environment):
        settings.QUINTET = OrdersSettings.load(environ=ENVIRONMENT | environment)

    return change


@pytest.fixture(autouse=True)
def orders(configure):
    configure()
    yield
    wire.forget_connections()
    dependencies.forget()


@pytest.fixture
def users(configure):
    """A users service on loopback; what it answers is set in ``respond``."""
    with serving(lambda handler: handler.reply_json({"id": 7})) as server:
        configure(USERS_SERVICE_URL=server.url)
        yield server
