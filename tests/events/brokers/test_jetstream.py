from __future__ import annotations

import uuid

import pytest

from quintet.events.brokers import Message, broker_for
from quintet.events.brokers.jetstream import JetStreamBroker


@pytest.fixture
def broker(make, jetstream):
    return make("jetstream", jetstream)


def messages(number):
    return [Message(uuid.uuid4(), "orders", 0, "k", str(at)) for at in range(number)]


def test_a_publisher_keeps_one_subscription_for_all_answers(broker):
    """The naive version makes a context for each batch, which subscribes and stays."""
    for _ in range(10):
        broker.publish(messages(2))

    assert len(broker._client._subs) <= 2


def test_what_is_sent_again_is_there_once(broker):
    """A relay that was killed before it could mark what it had sent sends the same ids."""
    subscription = broker.subscribe(["orders"], [0], group="products")
    sent = messages(3)

    broker.publish(sent)
    broker.publish(sent)

    received = []
    while some := subscription.fetch(10, 1):
        received += [one.body for one in some]
    assert received == ["0", "1", "2"]


@pytest.mark.parametrize("scheme", ["nats", "tls"])
def test_a_url_of_nats_names_this_broker(scheme):
    broker = broker_for(f"{scheme}://127.0.0.1:4222")

    assert isinstance(broker, JetStreamBroker)
    broker.close()
