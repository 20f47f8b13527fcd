"""Every broker, made and broken alike: one suite tests all of them."""

from __future__ import annotations

import pytest

from quintet.events.brokers.memory import MemoryBroker
from quintet.events.brokers.streams import StreamsBroker


@pytest.fixture(params=["memory", "streams"])
def connect(request):
    """Makes a connection to one and the same broker, as each process has its own."""
    if request.param == "memory":
        broker = MemoryBroker()
        return lambda: broker
    url = request.getfixturevalue("empty_valkey")("events")
    return lambda: StreamsBroker(url)


@pytest.fixture
def broker(connect):
    return connect()
