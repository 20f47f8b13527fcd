from __future__ import annotations

import pytest
from django.db import transaction

from quintet.events import handling, outbox
from quintet.events.handling import Handlers, handles
from quintet.testing.events import deliver, published
from tests.events.happenings import Placed, PlacedAgain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def handled(monkeypatch):
    """What the one handler of the service was given."""
    found = []
    monkeypatch.setattr(handling, "registry", Handlers())
    handles(Placed, among=handling.registry, name="remember")(found.append)
    return found


def test_what_was_published_can_be_read():
    with transaction.atomic():
        outbox.publish(Placed(order_id=1))
        outbox.publish(PlacedAgain(order_id=2, total=3))

    assert published(Placed) == [Placed(order_id=1)]
    assert published(PlacedAgain) == [PlacedAgain(order_id=2, total=3)]


def test_an_event_is_delivered_once(handled):
    event_id = deliver(Placed(order_id=1))

    deliver(Placed(order_id=1), event_id=event_id)

    assert handled == [Placed(order_id=1)]


def test_an_event_that_nobody_waits_for_is_a_mistake(handled):
    with pytest.raises(LookupError, match=r"shop\.order\.placed\.v2"):
        deliver(PlacedAgain(order_id=2, total=3))
