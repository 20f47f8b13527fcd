from __future__ import annotations

import json
import threading

import pytest

from quintet.events import relay as module
from quintet.events.brokers import BrokerUnavailable
from quintet.events.brokers.memory import MemoryBroker
from quintet.events.leases import Leases
from quintet.events.models import OutboxEvent
from quintet.events.relay import FAILURES, OLDEST, Relay

pytestmark = pytest.mark.django_db(transaction=True)


def sent(broker):
    """What arrived, by the order that it is about."""
    bodies = [json.loads(one.body) for lane in broker.messages.values() for one in lane]
    return sorted((told["data"]["order_id"], told["data"]["amount"]) for told in bodies)


def waiting():
    return OutboxEvent.objects.filter(published_at__isnull=True).count()


class Away(MemoryBroker):
    """Takes nothing, or takes it and does not say so."""

    def __init__(self, *, failures, takes=False):
        super().__init__()
        self.failures, self.takes = failures, takes

    def publish(self, messages):
        if self.failures:
            self.failures -= 1
            if self.takes:
                super().publish(messages)
            raise BrokerUnavailable("Nobody answers.")
        return super().publish(messages)


def test_what_waits_is_published_and_marked(relay, broker, place):
    place(1)
    place(2)

    assert relay.round() == 2
    assert sent(broker) == [(1, 0), (2, 0)]
    assert waiting() == relay.round() == 0


def test_events_of_a_key_keep_their_order(relay, broker, place):
    for number in range(30):
        place(order_id=number % 3, amount=number)
    relay.round()

    for lane in broker.messages.values():
        told = [json.loads(one.body)["data"] for one in lane]
        by_key = {}
        for one in told:
            by_key.setdefault(one["order_id"], []).append(one["amount"])
        assert all(amounts == sorted(amounts) for amounts in by_key.values())


def test_what_the_broker_did_not_take_waits(place):
    """The naive version marks an event before it is confirmed."""
    relay = Relay(Away(failures=1), Leases("relay"))
    place()

    with pytest.raises(BrokerUnavailable):
        relay.round()

    assert waiting() == 1
    assert relay.round() == 1


def test_what_was_taken_and_not_confirmed_is_sent_again(place):
    broker = Away(failures=1, takes=True)
    relay = Relay(broker, Leases("relay"))
    event_id = place()
    with pytest.raises(BrokerUnavailable):
        relay.round()

    relay.round()

    ((first, second),) = broker.messages.values()
    assert first.event_id == second.event_id == event_id


def test_two_relays_publish_everything_once(broker, place):
    first, second = (Relay(broker, Leases("relay")) for _ in range(2))
    for number in range(20):
        place(number)

    assert first.round() + second.round() == 20
    assert len(sent(broker)) == 20


class Turns(threading.Event):
    """Is set after so many waits, each of which it remembers."""

    def __init__(self, number):
        super().__init__()
        self.left, self.waits = number, []

    def wait(self, timeout=None):
        self.waits.append(timeout)
        self.left -= 1
        if not self.left:
            self.set()
        return True


def test_a_relay_rests_longer_and_longer_while_the_broker_is_away(place, captured_logs):
    failures = FAILURES._value.get()
    place()
    turns = Turns(10)

    Relay(Away(failures=8), Leases("relay")).run(turns)

    assert turns.waits[0] <= 0.2
    assert all(0 < wait <= module.BACKOFF_SECONDS_MAX for wait in turns.waits)
    assert max(turns.waits[5:8]) > 1
    assert FAILURES._value.get() == failures + 8
    messages = [line["message"] for line in captured_logs if line["logger"] == "quintet.events"]
    assert messages == ["events are not published for now", "events are published again"]


def test_a_relay_does_not_rest_between_full_batches(broker, place, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)
    for number in range(5):
        place(number)
    turns = Turns(3)

    Relay(broker, Leases("relay")).run(turns)

    assert turns.waits == [0, 0, module.REST_SECONDS]


def test_a_relay_that_ends_gives_its_leases_back(broker):
    Relay(broker, Leases("relay")).run(Turns(1))

    assert len(Leases("relay").keep()) == 8


def test_the_age_of_the_oldest_event_is_shown(place):
    place()

    Relay(Away(failures=0), Leases("relay")).run(Turns(1))

    assert OLDEST._value.get() == 0  # it was published in the same turn
