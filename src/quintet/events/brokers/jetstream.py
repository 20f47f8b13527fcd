"""A stream of NATS JetStream, and one consumer for each reader of a partition of a topic.

A consumer of the server would deliver what a dead reader has left only after a time, behind what is
newer. So each reader makes its own, which begins behind what the one before has acknowledged, and
deletes that one: its reader, should it wake, acknowledges nothing any more.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import uuid4

import nats
from nats.errors import ConnectionClosedError
from nats.errors import Error as NatsError
from nats.js.api import ConsumerConfig, DeliverPolicy, Header, StreamConfig

from quintet.events.brokers import Delivery
from quintet.events.brokers.loops import ANSWER_SECONDS, Loop, Mailbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext
    from nats.js.api import ConsumerInfo

    from quintet.events.brokers import Message

KEPT_SECONDS: Final = 7 * 24 * 3600.0
"""How long the stream keeps events, read or not."""

PREFETCH: Final = 50
CLOSE_SECONDS: Final = 1.0
PING_SECONDS: Final = 3
PINGS_UNANSWERED: Final = 2

ACK_WAIT_SECONDS: Final = 3600.0
"""Long: what is left behind is delivered again to the next reader, not after a time to this one."""

PAGE: Final = 256


class Place(NamedTuple):
    """What a subject stands for, and how far others have read of it."""

    topic: str
    partition: int
    delivered: int


class Connection(NamedTuple):
    """What lives and dies with one connection."""

    client: Client
    stream: JetStreamContext
    """One for each connection: it keeps a subscription for the answers to what it publishes."""
    lost: asyncio.Future[None]
    """Done when the connection is."""


class JetStreamBroker:
    """Publishes and awaits the acknowledgements together; the server drops ids that it has seen."""

    def __init__(self, url: str, *, prefix: str = "quintet.events") -> None:
        self._url, self._prefix = url, prefix
        self._stream = prefix.replace(".", "-")
        self._loop = Loop(NatsError)
        self._connection: Connection | None = None

    def publish(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Send them all, and wait for the acknowledgements of all."""
        self._loop.run(self._publish(messages))
        return ()

    def subscribe(
        self, topics: Sequence[str], partitions: Sequence[int], *, group: str
    ) -> JetStreamSubscription:
        """Take over from the readers before."""
        return self._loop.run(self._subscribe(topics, partitions, group))

    def close(self) -> None:
        """Close the connection, and with it all subscriptions."""
        self._loop.run(self._drop())
        self._loop.close()

    async def _publish(self, messages: Sequence[Message]) -> None:
        try:
            connection = await self._connected()
            answers = [
                await connection.stream.publish_async(
                    self._subject(one.topic, one.partition),
                    one.body.encode(),
                    headers={Header.MSG_ID.value: str(one.event_id)},
                )
                for one in messages
            ]
            await _while_connected(connection, asyncio.gather(*answers))
        except BaseException:
            await self._drop()
            raise

    async def _subscribe(
        self, topics: Sequence[str], partitions: Sequence[int], group: str
    ) -> JetStreamSubscription:
        connection = await self._connected()
        subscription = JetStreamSubscription(self._loop, connection)
        inbox = await subscription.listen()
        before = await self._readers(connection.stream, group)
        for topic in topics:
            for partition in partitions:
                subject = self._subject(topic, partition)
                former = before.get(subject, [])
                subscription.places[subject] = Place(topic, partition, _furthest(former))
                reader = _reader(group, subject, inbox, after=_floor(former))
                await connection.stream.add_consumer(self._stream, reader)
                for one in former:
                    await connection.stream.delete_consumer(self._stream, one.name)
        return subscription

    async def _readers(self, stream: JetStreamContext, group: str) -> dict[str, list[ConsumerInfo]]:
        """The consumers of a group, by the subject that they read."""
        found: dict[str, list[ConsumerInfo]] = {}
        offset = 0
        while page := await stream.consumers_info(self._stream, offset):
            for one in page:
                if one.config.description == group:
                    found.setdefault(one.config.filter_subject or "", []).append(one)
            offset += len(page)
            if len(page) < PAGE:
                break
        return found

    async def _connected(self) -> Connection:
        if self._connection is None or not self._connection.client.is_connected:
            self._connection = await self._made()
        return self._connection

    async def _made(self) -> Connection:
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def closed() -> None:
            lost.set_result(None)

        client = await nats.connect(
            self._url,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            ping_interval=PING_SECONDS,
            max_outstanding_pings=PINGS_UNANSWERED,
            closed_cb=closed,
            error_cb=_told,
        )
        connection = Connection(client, client.jetstream(), lost)
        try:
            await connection.stream.add_stream(
                StreamConfig(self._stream, subjects=[f"{self._prefix}.>"], max_age=KEPT_SECONDS)
            )
        except BaseException:
            await client.close()
            raise
        return connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(NatsError, OSError, TimeoutError):
                await asyncio.wait_for(connection.client.close(), CLOSE_SECONDS)

    def _subject(self, topic: str, partition: int) -> str:
        return f"{self._prefix}.{partition}.{topic}"


class JetStreamSubscription:
    """Receives what several consumers of the server push."""

    def __init__(self, loop: Loop, connection: Connection) -> None:
        self.places: dict[str, Place] = {}
        self._loop, self._connection, self._mailbox = loop, connection, Mailbox()
        connection.lost.add_done_callback(self._mailbox.close)

    async def listen(self) -> str:
        """Begin to receive; says where."""
        client = self._connection.client
        inbox = client.new_inbox()
        self._pushed = await client.subscribe(inbox, cb=self._arrived)
        return inbox

    def fetch(self, limit: int, wait_seconds: float) -> list[Delivery]:
        """What was pushed meanwhile, or will be soon."""
        return self._loop.run(self._mailbox.take(limit, wait_seconds), wait_seconds + 1)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the server, and wait until it has understood."""
        self._loop.run(self._acknowledge(deliveries))

    def close(self) -> None:
        """Receive nothing more; the next reader takes over."""
        self._connection.lost.remove_done_callback(self._mailbox.close)
        self._loop.run(self._pushed.unsubscribe())

    async def _arrived(self, message: Msg) -> None:
        place, told = self.places[message.subject], message.metadata
        redelivered = told.num_delivered > 1 or told.sequence.stream <= place.delivered
        body = message.data.decode(errors="replace")
        self._mailbox.put(Delivery(place.topic, place.partition, body, message.reply, redelivered))

    async def _acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        request = self._connection.client.request
        await asyncio.gather(*(request(one.receipt, b"+ACK", ANSWER_SECONDS) for one in deliveries))


async def _while_connected(connection: Connection, answers: asyncio.Future[Any]) -> None:
    """Wait for answers, of which none comes any more when the connection is lost."""
    await asyncio.wait({answers, connection.lost}, return_when=asyncio.FIRST_COMPLETED)
    if not answers.done():
        answers.cancel()
        raise ConnectionClosedError
    answers.result()


def _reader(group: str, subject: str, inbox: str, *, after: int) -> ConsumerConfig:
    """A consumer that begins behind the message of that number."""
    return ConsumerConfig(
        durable_name=uuid4().hex,
        description=group,
        filter_subject=subject,
        deliver_subject=inbox,
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=after + 1,
        ack_wait=ACK_WAIT_SECONDS,
        max_ack_pending=PREFETCH,
    )


def _floor(readers: Sequence[ConsumerInfo]) -> int:
    """Up to where all messages were acknowledged."""
    return max((one.ack_floor.stream_seq for one in readers if one.ack_floor), default=0)


def _furthest(readers: Sequence[ConsumerInfo]) -> int:
    """The last message that somebody has received."""
    return max((one.delivered.stream_seq for one in readers if one.delivered), default=0)


async def _told(_: Exception) -> None:
    """Say nothing: what fails is raised where it was asked for."""
