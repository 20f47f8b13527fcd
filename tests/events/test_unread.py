"""Events whose topic nobody reads, at a broker that does not keep them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from quintet.events import relay as module
from quintet.events.brokers.memory import MemoryBroker
from quintet.events.leases import Leases
from quintet.events.models import OutboxEvent
from quintet.events.relay import OLDEST, UNREAD, Relay
from tests.events.happenings import Placed

pytestmark = pytest.mark.django_db(transaction=True)


class Exchange(MemoryBroker):
    """Hands back what nobody reads."""

    def __init__(self):
        super().__init__()
        self.unread = {Placed.topic()}

    def publish(self, messages):
        super().publish([one for one in messages if one.topic not in self.unread])
        return [one for one in messages if one.topic in self.unread]


@pytest.fixture
def broker():
    return Exchange()


@pytest.fixture
def relay(broker, monkeypatch):
    monkeypatch.setattr(module, "UNREAD_SECONDS", 0)
    monkeypatch.setattr(module, "CHORES_SECONDS", 0)
    return Relay(broker, Leases("relay"))


def renamed(event_id, topic="others"):
    OutboxEvent.objects.filter(event_id=event_id).update(topic=topic)


def sent(broker, topic):
    lanes = [lane for place, lane in broker.messages.items() if place[0] == topic]
    return [json.loads(one.body)["data"]["amount"] for lane in lanes for one in lane]


def test_they_wait_and_hold_up_nothing_else(relay, broker, place):
    place(amount=1)
    renamed(place(amount=2))

    assert relay.round() == 1
    assert sent(broker, "others") == [2]
    assert OutboxEvent.objects.get(published_at=None).topic == Placed.topic()


def test_they_arrive_in_their_order_when_somebody_reads(relay, broker, place):
    place(amount=1)
    relay.round()
    place(amount=2)
    broker.unread.clear()

    assert relay.round() == 2
    assert sent(broker, Placed.topic()) == [1, 2]


def test_their_topic_is_left_alone_for_a_while(relay, place, monkeypatch):
    monkeypatch.setattr(module, "UNREAD_SECONDS", 60)
    place()
    relay.round()

    with CaptureQueriesContext(connection) as queries:
        assert relay.round() == 0
    assert len(queries) == 1


def test_they_are_not_what_a_relay_is_late_with(relay, place):
    place()
    relay._attempt()

    assert OLDEST._value.get() == 0


def test_they_are_deleted_when_they_have_waited_long_and_counted(relay, broker, place):
    read, unread, young = place(amount=1), place(amount=2), place(amount=3)
    renamed(read)
    broker.unread.add("others")
    old = OutboxEvent.objects.filter(event_id__in=[read, unread])
    old.update(created_at=Now() - timedelta(days=365))
    relay.round()
    broker.unread.discard("others")
    relay.round()
    before = UNREAD._value.get()

    relay._attempt()

    assert UNREAD._value.get() == before + 1
    assert sent(broker, "others") == [1]
    assert OutboxEvent.objects.get(published_at=None).event_id == young
