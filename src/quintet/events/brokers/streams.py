"""Streams of Redis and Valkey: one for each partition of a topic, one consumer group per service.

A group has a single consumer, whoever is at work: what the one before has received and not
acknowledged is its own, and is read first. Messages are deleted when all groups have acknowledged
them; what nobody has subscribed to is kept up to a length.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from quintet.events.brokers import BrokerUnavailable, Delivery
from quintet.settings.derive import redis_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quintet.events.brokers import Message

ANSWER_SECONDS: Final = 5.0
CONSUMER: Final = "holder"
MOST_UNREAD: Final = 100_000
"""Messages that are kept of a partition that no group has ever read."""

TRIM_SECONDS: Final = 5.0

_PREFIX: Final = "quintet:events:"
_FIRST, _NEW = "0", ">"
_BODY: Final = b"body"
_APPEND: Final = """
for i, stream in ipairs(KEYS) do redis.call('XADD', stream, '*', 'body', ARGV[i]) end
"""


class StreamsBroker:
    """Publishes each batch by one script on the server: all of it is there, or nothing.

    A pipeline says the same, but costs the client as much as all the rest of publishing.
    """

    def __init__(self, url: str) -> None:
        self._trimmed_at: dict[str, float] = {}
        self._redis = Redis.from_url(
            redis_url(url), socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS
        )
        self._append = self._redis.register_script(_APPEND)

    def publish(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Append them; the answer says that the server has them, in its memory and its log."""
        with _reaching():
            streams = [_stream(message.topic, message.partition) for message in messages]
            self._append(keys=streams, args=[message.body for message in messages])
            self._tidy(set(streams))
        return ()

    def subscribe(
        self, topics: Sequence[str], partitions: Sequence[int], *, group: str
    ) -> StreamsSubscription:
        """Join the group, which is made with the first of its members."""
        places = {
            _stream(topic, partition).encode(): (topic, partition)
            for topic in topics
            for partition in partitions
        }
        with _reaching():
            for stream in places:
                self._found(stream, group)
        return StreamsSubscription(self._redis, places, group=group)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _found(self, stream: bytes, group: str) -> None:
        try:
            self._redis.xgroup_create(stream, group, id=_FIRST, mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _tidy(self, streams: set[str]) -> None:
        """Delete from time to time what all groups have acknowledged."""
        now = time.monotonic()
        for stream in streams:
            if now - self._trimmed_at.get(stream, -TRIM_SECONDS) >= TRIM_SECONDS:
                self._trimmed_at[stream] = now
                self._trim(stream)

    def _trim(self, stream: str) -> None:
        groups = self._redis.xinfo_groups(stream)
        if not groups:
            self._redis.xtrim(stream, maxlen=MOST_UNREAD, approximate=True)
            return
        kept = min((self._first_kept(stream, group) for group in groups), key=_place)
        self._redis.xtrim(stream, minid=kept, approximate=True)

    def _first_kept(self, stream: str, group: dict[str, Any]) -> str:
        """The first message that a group still needs, or the last one that it has received."""
        if group["pending"]:
            pending = self._redis.xpending(stream, group["name"])
            return str(pending["min"].decode())
        return str(group["last-delivered-id"].decode())


class StreamsSubscription:
    """Reads several streams at once."""

    def __init__(self, redis: Redis, places: dict[bytes, tuple[str, int]], *, group: str) -> None:
        self._redis, self._places, self._group = redis, places, group
        self._left: dict[bytes, str | bytes] = dict.fromkeys(places, _FIRST)
        """From where on each stream may hold what was received and not acknowledged."""

    def fetch(self, limit: int, wait_seconds: float) -> list[Delivery]:
        """Read what is left, and then what is new, as soon as it comes."""
        if self._left:
            found = self._read(self._left, limit, None)
            self._left = {one: entries[-1][0] for one, entries in found.items() if entries}
            if self._left:
                return self._deliveries(found, redelivered=True)
        new = self._read(dict.fromkeys(self._places, _NEW), limit, wait_seconds)
        return self._deliveries(new, redelivered=False)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Take them out of the list of what is pending."""
        with _reaching():
            pipe = self._redis.pipeline(transaction=False)
            for one in deliveries:
                pipe.xack(_stream(one.topic, one.partition), self._group, one.receipt)
            pipe.execute()

    def close(self) -> None:
        """Nothing to do: what is pending is pending for the group."""

    def _read(
        self, streams: dict[Any, Any], limit: int, wait_seconds: float | None
    ) -> dict[bytes, Any]:
        block = None if wait_seconds is None else max(1, round(wait_seconds * 1000))
        with _reaching():
            answer = self._redis.xreadgroup(
                self._group, CONSUMER, streams, count=limit, block=block
            )
        return dict(cast("Any", answer) or ())

    def _deliveries(self, found: dict[bytes, Any], *, redelivered: bool) -> list[Delivery]:
        return [
            Delivery(
                *self._places[stream],
                fields.get(_BODY, b"").decode(errors="replace"),
                number.decode(),
                redelivered,
            )
            for stream, entries in found.items()
            for number, fields in entries
        ]


def _stream(topic: str, partition: int) -> str:
    return f"{_PREFIX}{topic}:{partition}"


def _place(number: str) -> tuple[int, int]:
    """Where an entry stands, of the text that names it."""
    milliseconds, _, sequence = number.partition("-")
    return int(milliseconds), int(sequence or 0)


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise BrokerUnavailable(f"The broker did not do it: {type(error).__name__}.") from error
