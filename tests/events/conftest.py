from __future__ import annotations

import pytest
from django.db import transaction

from quintet.events import outbox
from quintet.events.brokers.memory import MemoryBroker
from quintet.events.leases import Leases
from quintet.events.relay import Relay
from tests.events.happenings import Placed


@pytest.fixture
def broker():
    return MemoryBroker()


@pytest.fixture
def relay(broker):
    return Relay(broker, Leases("relay"))


@pytest.fixture
def place():
    """Writes that an order was placed, and says under which id."""

    def placed(order_id=1, amount=0):
        with transaction.atomic():
            return outbox.publish(Placed(order_id=order_id, amount=amount))

    return placed
