from __future__ import annotations

import asyncio
import uuid

import aio_pika
import pytest

from quintet.events.brokers import BrokerUnavailable, Message, broker_for
from quintet.events.brokers.rabbitmq import RabbitBroker


@pytest.fixture
def broker(make, rabbitmq):
    return make("rabbitmq", rabbitmq)


def message(body="placed"):
    return Message(uuid.uuid4(), "orders", 0, "k", body)


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


@pytest.mark.parametrize("scheme", ["amqp", "amqps"])
def test_a_url_of_rabbitmq_names_this_broker(scheme):
    broker = broker_for(f"{scheme}://127.0.0.1")

    assert isinstance(broker, RabbitBroker)
    broker.close()
