"""What publishes: mandatory routing and pipelined confirms, in the thread of who asks.

py-amqp sends a message for a tenth of the processor that a client of asyncio takes.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import amqp
from amqp.exceptions import AMQPError

from quintet.events.brokers import BrokerUnavailable
from quintet.events.brokers.rabbitmq.encryption import encryption_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from quintet.events.brokers import Message

CONNECT_SECONDS: Final = 4.0
ANSWER_SECONDS: Final = 5.0
PERSISTENT: Final = 2
CONTENT_TYPE: Final = "application/cloudevents+json"

_FAILURES: Final = (AMQPError, OSError)


class Publisher:
    """Sends messages to an exchange, over a connection of its own that opens when it is needed."""

    def __init__(self, url: str, exchange: str) -> None:
        self._parameters, self._exchange = _parameters(url), exchange
        self._connection: Any = None
        self._confirms: Confirms | None = None
        self._read: set[str] = set()
        """Routes that lead to a queue."""

    def publish(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Send them all, and wait for the confirms of all; those come back that nobody reads."""
        try:
            confirms = self._opened()
            first, rest = self._split(messages)
            unread = confirms.of(first)
            unread |= confirms.of(one for one in rest if route(one) not in unread)
        except _FAILURES as error:
            self._hang_up()
            raise BrokerUnavailable(f"The broker did not do it: {type(error).__name__}.") from error
        self._read = (self._read | {route(one) for one in first}) - unread
        return [one for one in messages if route(one) in unread]

    def close(self) -> None:
        """Say goodbye; what was confirmed is safe."""
        if self._confirms is not None:
            with suppress(*_FAILURES):
                self._connection.close()
        self._hang_up()

    def _hang_up(self) -> None:
        connection, self._connection, self._confirms = self._connection, None, None
        if connection is not None:
            with suppress(*_FAILURES):
                connection.collect()

    def _split(self, messages: Sequence[Message]) -> tuple[list[Message], list[Message]]:
        """The first message of each route that perhaps nobody reads, and the rest.

        Were they sent together, a queue might be declared between two of them, and read the second.
        """
        known = set(self._read)
        first: list[Message] = []
        rest: list[Message] = []
        for one in messages:
            (rest if route(one) in known else first).append(one)
            known.add(route(one))
        return first, rest

    def _opened(self) -> Confirms:
        if self._confirms is None:
            self._connection = amqp.Connection(**self._parameters)
            self._connection.connect()
            channel = self._connection.channel()
            channel.exchange_declare(self._exchange, "direct", durable=True, auto_delete=False)
            self._confirms, self._read = Confirms(self._connection, channel, self._exchange), set()
        return self._confirms


class Confirms:
    """A channel whose messages are counted, as the broker counts them, until they are confirmed."""

    def __init__(self, connection: Any, channel: Any, exchange: str) -> None:
        self._connection, self._channel, self._exchange = connection, channel, exchange
        self._sent = 0
        self._waiting: set[int] = set()
        self._refused = False
        self._returned: set[str] = set()
        channel.events["basic_ack"].add(self._acked)
        channel.events["basic_nack"].add(self._nacked)
        channel.events["basic_return"].add(self._came_back)
        channel.confirm_select()

    def of(self, messages: Iterable[Message]) -> set[str]:
        """Send messages in their order; the routes of those that lead to no queue.

        Raises:
            AMQPError: The broker has refused one, or the connection was lost.
            TimeoutError: One was not confirmed in time.
        """
        self._returned = set()
        for message in messages:
            self._sent += 1
            self._waiting.add(self._sent)
            self._channel.basic_publish(
                written(message), self._exchange, route(message), mandatory=True
            )
        self._wait(time.monotonic() + ANSWER_SECONDS)
        return self._returned

    def _wait(self, ends_at: float) -> None:
        while self._waiting:
            left = ends_at - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{len(self._waiting)} messages were not confirmed")
            self._connection.drain_events(left)
        if self._refused:
            raise AMQPError("a message was refused")

    def _acked(self, tag: int, multiple: bool) -> None:  # noqa: FBT001 - py-amqp calls it
        if multiple:
            self._waiting = {one for one in self._waiting if one > tag}
        else:
            self._waiting.discard(tag)

    def _nacked(self, tag: int, multiple: bool) -> None:  # noqa: FBT001 - as above
        self._refused = True
        self._acked(tag, multiple)

    def _came_back(self, *returned: Any) -> None:
        _why, _exchange, key, _message = returned
        self._returned.add(key)


def route(message: Message) -> str:
    """The words that lead to the queues of a partition and a topic."""
    return f"{message.partition}.{message.topic}"


def written(message: Message) -> Any:
    """An event as the broker keeps it."""
    return amqp.Message(
        message.body.encode(),
        content_type=CONTENT_TYPE,
        delivery_mode=PERSISTENT,
        message_id=str(message.event_id),
    )


def _parameters(url: str) -> dict[str, Any]:
    """What a URL says (RabbitMQ URI specification), and how long the broker may be silent."""
    parts = urlsplit(url)
    encryption = encryption_of(parts)
    return {
        "host": f"{parts.hostname}:{parts.port or (5671 if encryption else 5672)}",
        "userid": unquote(parts.username or "guest"),
        "password": unquote(parts.password or "guest"),
        "virtual_host": unquote(parts.path[1:]) or "/",
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": ANSWER_SECONDS,
        "write_timeout": ANSWER_SECONDS,
        "socket_settings": {socket.TCP_USER_TIMEOUT: int(ANSWER_SECONDS * 1000)},
        "ssl": encryption,
    }
