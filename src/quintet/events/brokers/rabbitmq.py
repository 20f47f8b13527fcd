"""Quorum queues of RabbitMQ: one for each partition of a group, bound to one exchange.

A queue has a single active consumer, so a new holder of a partition reads when the one before has
left or was given up, and first what that one has not acknowledged. What is published before any
group reads it is handed back, since an exchange keeps nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import aio_pika
from aio_pika.connection import make_url
from aio_pika.exceptions import AMQPError
from aiormq.abc import DeliveredMessage

from quintet.events import PARTITIONS
from quintet.events.brokers import Delivery
from quintet.events.brokers.loops import Loop, Mailbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aio_pika.abc import (
        AbstractChannel,
        AbstractConnection,
        AbstractExchange,
        AbstractIncomingMessage,
    )

    from quintet.events.brokers import Message

PREFETCH: Final = 50
CONNECT_SECONDS: Final = 4.0
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
    """Publishes with mandatory routing and pipelined confirms, over a channel of its own."""

    def __init__(self, url: str, *, prefix: str = "quintet.events") -> None:
        self._url, self._prefix = url, prefix
        self._loop = Loop(*_FAILURES)
        self._connection: AbstractConnection | None = None
        self._confirming: AbstractChannel | None = None
        self._exchange: AbstractExchange | None = None
        self._read: set[str] = set()
        """Routes that lead to a queue."""

    def publish(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Send them all, and wait for the confirms of all."""
        return self._loop.run(self._publish(messages))

    def subscribe(
        self, topics: Sequence[str], partitions: Sequence[int], *, group: str
    ) -> RabbitSubscription:
        """Declare the queues of the group, for all partitions, and consume those that are held."""
        return self._loop.run(self._subscribe(topics, partitions, group))

    def close(self) -> None:
        """Close the connection, and with it all subscriptions."""
        self._loop.run(self._drop())
        self._loop.close()

    async def _publish(self, messages: Sequence[Message]) -> Sequence[Message]:
        try:
            exchange = await self._opened()
            first, rest = self._split(messages)
            unread = _routes(await _sent(exchange, first))
            unread |= _routes(
                await _sent(exchange, [one for one in rest if _route(one) not in unread])
            )
        except BaseException:
            await self._drop()
            raise
        self._read = (self._read | _routes(first)) - unread
        return [one for one in messages if _route(one) in unread]

    def _split(self, messages: Sequence[Message]) -> tuple[list[Message], list[Message]]:
        """The first message of each route that perhaps nobody reads, and the rest.

        Were they sent together, a queue might be declared between two of them, and read the second.
        """
        known = set(self._read)
        first: list[Message] = []
        rest: list[Message] = []
        for one in messages:
            (rest if _route(one) in known else first).append(one)
            known.add(_route(one))
        return first, rest

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
        exchange = await self._declared(channel)
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

    async def _opened(self) -> AbstractExchange:
        if self._exchange is None or self._confirming is None or self._confirming.is_closed:
            self._confirming = await (await self._connected()).channel(publisher_confirms=True)
            self._exchange, self._read = await self._declared(self._confirming), set()
        return self._exchange

    async def _connected(self) -> AbstractConnection:
        if self._connection is None or self._connection.is_closed:
            url = make_url(self._url, heartbeat=HEARTBEAT_SECONDS)
            self._connection = aio_pika.Connection(url)
            await self._connection.connect(timeout=CONNECT_SECONDS)
        return self._connection

    async def _declared(self, channel: AbstractChannel) -> AbstractExchange:
        return await channel.declare_exchange(
            self._prefix, aio_pika.ExchangeType.DIRECT, durable=True
        )

    async def _drop(self) -> None:
        connection, self._connection, self._exchange = self._connection, None, None
        if connection is not None:
            with suppress(*_FAILURES, OSError, TimeoutError):
                await asyncio.wait_for(connection.close(), CLOSE_SECONDS)
            await connection.close()  # of what has not answered, only this end


class RabbitSubscription:
    """Consumes several queues over one channel."""

    def __init__(self, loop: Loop, channel: AbstractChannel) -> None:
        self._loop, self._channel, self._mailbox = loop, channel, Mailbox()

    async def listen(self) -> None:
        """Hear of the end of the channel, and of that of a queue that somebody deletes."""
        self._channel.close_callbacks.add(self._mailbox.close)
        below = await self._channel.get_underlay_channel()
        below.on_consumer_cancel_callbacks.add(self._mailbox.close)

    async def arrived(self, message: AbstractIncomingMessage) -> None:
        """Keep what the broker delivers, until it is fetched."""
        partition, _, topic = (message.routing_key or "").partition(".")
        body = message.body.decode(errors="replace")
        receipt = str(message.delivery_tag)
        self._mailbox.put(Delivery(topic, int(partition), body, receipt, bool(message.redelivered)))

    def fetch(self, limit: int, wait_seconds: float) -> list[Delivery]:
        """What was delivered meanwhile, or will be soon."""
        return self._loop.run(self._mailbox.take(limit, wait_seconds), wait_seconds + 1)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the broker, which does not answer: what is lost on the way is delivered again."""
        self._loop.run(self._acknowledge(deliveries))

    def close(self) -> None:
        """Close the channel: what was not acknowledged goes back to its place in its queue."""
        self._loop.run(self._close())

    async def _close(self) -> None:
        await self._channel.close()

    async def _acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        channel = await self._channel.get_underlay_channel()
        for one in deliveries:
            await channel.basic_ack(int(one.receipt), wait=False)


async def _sent(exchange: AbstractExchange, messages: Sequence[Message]) -> list[Message]:
    """Send messages in their order; those that lead to no queue come back."""
    answers = await asyncio.gather(
        *(exchange.publish(_written(one), _route(one), mandatory=True) for one in messages)
    )
    return [
        message
        for message, answer in zip(messages, answers, strict=True)
        if isinstance(answer, DeliveredMessage)
    ]


def _written(message: Message) -> aio_pika.Message:
    return aio_pika.Message(
        message.body.encode(),
        content_type="application/cloudevents+json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=str(message.event_id),
    )


def _route(message: Message) -> str:
    return f"{message.partition}.{message.topic}"


def _routes(messages: Sequence[Message]) -> set[str]:
    return {_route(one) for one in messages}
