"""Quorum queues of RabbitMQ: one for each partition of a group, bound to one exchange.

A queue has a single active consumer, so a new holder of a partition reads when the one before has
left or was given up, and first what that one has not acknowledged. What is published before any
group reads it is handed back, since an exchange keeps nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from aio_pika import Connection, ExchangeType
from aio_pika.connection import make_url
from aio_pika.exceptions import AMQPError

from quintet.events import PARTITIONS
from quintet.events.brokers.loops import Loop
from quintet.events.brokers.rabbitmq.publisher import CONNECT_SECONDS, Publisher
from quintet.events.brokers.rabbitmq.subscription import RabbitSubscription

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aio_pika.abc import AbstractConnection

    from quintet.events.brokers import Message

PREFETCH: Final = 50
CLOSE_SECONDS: Final = 1.0
HEARTBEAT_SECONDS: Final = 5
"""A peer that was silent for twice as long is given up, and its partitions go to another one."""

LEFT_ALONE: Final = 2**31 - 1
"""How often a queue delivers a message before it drops it. Poison is the inbox's to count, and an
outage of a database delivers everything again and again: nothing is dropped."""

QUEUE: Final[dict[str, Any]] = {
    "x-queue-type": "quorum",
    "x-single-active-consumer": True,
    "x-delivery-limit": LEFT_ALONE,
}

_FAILURES: Final = (AMQPError, RuntimeError)
"""The last one is what the library raises for a connection that it has just lost."""


class RabbitBroker:
    """Publishes over one connection and reads over another, each opened when it is needed."""

    def __init__(self, url: str, *, prefix: str = "quintet.events") -> None:
        self._url, self._prefix = url, prefix
        self._publisher = Publisher(url, prefix)
        self._loop = Loop(*_FAILURES)
        self._connection: AbstractConnection | None = None

    def publish(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Send them all, and wait for the confirms of all."""
        return self._publisher.publish(messages)

    def subscribe(
        self, topics: Sequence[str], partitions: Sequence[int], *, group: str
    ) -> RabbitSubscription:
        """Declare the queues of the group, for all partitions, and consume those that are held."""
        return self._loop.run(self._subscribe(topics, partitions, group))

    def close(self) -> None:
        """Close the connections, and with them all subscriptions."""
        self._publisher.close()
        self._loop.run(self._drop())
        self._loop.close()

    async def _subscribe(
        self, topics: Sequence[str], partitions: Sequence[int], group: str
    ) -> RabbitSubscription:
        try:
            return await self._joined(topics, partitions, group)
        except BaseException:
            await self._drop()
            raise

    async def _joined(
        self, topics: Sequence[str], partitions: Sequence[int], group: str
    ) -> RabbitSubscription:
        channel = await (await self._connected()).channel()
        await channel.set_qos(prefetch_count=PREFETCH)
        exchange = await channel.declare_exchange(self._prefix, ExchangeType.DIRECT, durable=True)
        subscription = RabbitSubscription(self._loop, channel)
        await subscription.listen()
        for partition in range(PARTITIONS):
            name = f"{self._prefix}.{group}.{partition}"
            queue = await channel.declare_queue(name, durable=True, arguments=QUEUE)
            for topic in topics:
                await queue.bind(exchange, f"{partition}.{topic}")
            if partition in partitions:
                await queue.consume(subscription.arrived)
        return subscription

    async def _connected(self) -> AbstractConnection:
        if self._connection is None or self._connection.is_closed:
            url = make_url(self._url, heartbeat=HEARTBEAT_SECONDS)
            self._connection = Connection(url)
            await self._connection.connect(timeout=CONNECT_SECONDS)
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*_FAILURES, OSError, TimeoutError):
                await asyncio.wait_for(connection.close(), CLOSE_SECONDS)
            await connection.close()  # of what has not answered, only this end
