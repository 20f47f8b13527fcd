from __future__ import annotations

import pytest

from quintet import wire
from tests.wire.servers import serving


@pytest.fixture(autouse=True)
def no_connections():
    yield
    wire.forget_connections()


@pytest.fixture
def peer():
    """A server that answers every request with 200 and one word."""
    with serving(lambda handler: handler.reply(200, b"hello")) as server:
        yield server
