"""A shopper, what they wish for, and the world that sells it."""

from __future__ import annotations

import pytest
from world import World

from orders.domain import Wish
from quintet.clients import Policy, ServiceClient, use_transport

SHOPPER = 7


@pytest.fixture
def world(tmp_path, monkeypatch):
    """The other services, as they should be; `world.faults` says what goes wrong when.

    What goes wrong does so for all attempts of a call, so there is one.
    """
    monkeypatch.setattr(ServiceClient, "policy", Policy(retries=0))
    made = World(tmp_path / "world.json")
    with use_transport(made):
        yield made


@pytest.fixture
def wishes():
    return [Wish(product_id=1, quantity=2)]
