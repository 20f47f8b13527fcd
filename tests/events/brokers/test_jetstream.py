from __future__ import annotations

import uuid

import pytest
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from quintet.events.brokers import BrokerUnavailable, Message, broker_for
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

    assert len(broker._connection.client._subs) <= 2


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


def test_a_stream_that_cannot_be_made_leaves_no_connection_open(make, jetstream, monkeypatch):
    """Such as on a server without JetStream, which a relay asks every few seconds."""
    clients = []

    async def refuse(stream, *_):
        clients.append(stream._nc)
        raise NotFoundError

    monkeypatch.setattr(JetStreamContext, "add_stream", refuse)
    broker = make("jetstream", jetstream)

    for _ in range(3):
        with pytest.raises(BrokerUnavailable):
            broker.publish(messages(1))

    assert [client.is_closed for client in clients] == [True] * 3


@pytest.mark.parametrize("scheme", ["nats", "tls"])
def test_a_url_of_nats_names_this_broker(scheme):
    broker = broker_for(f"{scheme}://127.0.0.1:4222")

    assert isinstance(broker, JetStreamBroker)
    broker.close()
