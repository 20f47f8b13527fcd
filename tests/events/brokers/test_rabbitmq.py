from __future__ import annotations

import asyncio
import uuid

import aio_pika
import pytest

from quintet.events.brokers import BrokerUnavailable, Message, broker_for
from quintet.events.brokers.rabbitmq import RabbitBroker
from tests.wire.servers import talking
from tests.wire.test_tls import certificate, trusted, wrap  # noqa: F401 - fixtures


@pytest.fixture
def broker(make, rabbitmq):
    return make("rabbitmq", rabbitmq)


def message(body="placed"):
    return Message(uuid.uuid4(), "orders", 0, "k", body)


async def declare_full_queue(url, prefix):
    """A queue of somebody else that takes one message and refuses all others."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        limits = {"x-max-length": 1, "x-overflow": "reject-publish"}
        queue = await channel.declare_queue(f"{prefix}.full", durable=True, arguments=limits)
        await queue.bind(prefix, "0.orders")


async def delete_queue(url, name):
    async with await aio_pika.connect(url) as connection:
        await (await connection.channel()).queue_delete(name)


def test_a_queue_that_is_deleted_is_made_again(broker, rabbitmq, prefix):
    """The naive version waits for ever: the connection lives, and nothing comes."""
    subscription = broker.subscribe(["orders"], [0], group="products")
    asyncio.run(delete_queue(rabbitmq, f"{prefix}.products.0"))

    with pytest.raises(BrokerUnavailable):
        subscription.fetch(1, 5)

    heir = broker.subscribe(["orders"], [0], group="products")
    assert not broker.publish([message()])
    assert [one.body for one in heir.fetch(1, 5)] == ["placed"]


def test_what_was_read_and_is_not_any_more_comes_back(broker, rabbitmq, prefix):
    broker.subscribe(["orders"], [0], group="products").close()
    assert not broker.publish([message()])
    asyncio.run(delete_queue(rabbitmq, f"{prefix}.products.0"))
    sent = [message("first"), message("second")]

    assert broker.publish(sent) == sent


def test_what_a_queue_refuses_is_given_again(broker, rabbitmq, prefix):
    """The naive version takes a nack for an answer."""
    subscription = broker.subscribe(["orders"], [0], group="products")
    asyncio.run(declare_full_queue(rabbitmq, prefix))
    sent = [message(f"event {number}") for number in range(3)]

    with pytest.raises(BrokerUnavailable):
        broker.publish(sent)

    asyncio.run(delete_queue(rabbitmq, f"{prefix}.full"))
    assert not broker.publish(sent)
    assert sent[2].body in [one.body for one in subscription.fetch(9, 5)]


@pytest.fixture
def heard():
    return []


@pytest.fixture
def encrypted(wrap, heard):  # noqa: F811 - the fixture
    """The URL of somebody who speaks TLS, and hears how a client begins."""
    with talking(lambda sock, gone: heard.append(sock.recv(8)), wrap=wrap) as url:
        yield url.replace("http:", "amqps:")


def greeted(url):
    broker = RabbitBroker(url)
    with pytest.raises(BrokerUnavailable):
        broker.publish([message()])
    broker.close()


def test_a_broker_without_a_trusted_certificate_is_told_nothing(encrypted, heard):
    greeted(encrypted)

    assert heard == []


def test_a_broker_of_another_name_is_told_nothing(encrypted, heard, trusted):  # noqa: F811
    greeted(encrypted.replace("127.0.0.1", "localhost"))

    assert heard == []


def test_a_broker_that_is_trusted_is_talked_to(encrypted, heard, trusted):  # noqa: F811
    greeted(encrypted)

    assert heard == [b"AMQP\x00\x00\x09\x01"]


@pytest.mark.parametrize("scheme", ["amqp", "amqps"])
def test_a_url_of_rabbitmq_names_this_broker(scheme):
    broker = broker_for(f"{scheme}://127.0.0.1")

    assert isinstance(broker, RabbitBroker)
    broker.close()
