"""What carries rows from the outbox to a broker: twenty lines of anybody, and the relay."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from contextlib import ExitStack

BATCH = 100
WAITING = (
    "SELECT id, event_id, partition, body FROM quintet_events_outboxevent "
    "WHERE published_at IS NULL ORDER BY id LIMIT %s"
)
MARK = "UPDATE quintet_events_outboxevent SET published_at = now() WHERE id = ANY(%s)"

Send = Callable[[Sequence[tuple[Any, ...]]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """One contender: a step carries a batch and says how many events were in it."""

    label: str
    step: Callable[[], int]


def script(label: str, send: Send) -> Carrier:
    """What everybody would write first: rows, confirmed sends, one statement."""
    import psycopg

    database = psycopg.connect(os.environ["DATABASE_URL"])

    def step() -> int:
        rows = database.execute(WAITING, [BATCH]).fetchall()
        if rows:
            send(rows)
        database.execute(MARK, [[row[0] for row in rows]])
        database.commit()
        return len(rows)

    return Carrier(label=label, step=step)


def to_nobody(_: Sequence[tuple[Any, ...]]) -> None:
    """Send nothing: the floor that the database sets."""


def to_valkey(client: Any) -> Send:
    """One pipeline for a batch."""

    def send(rows: Sequence[tuple[Any, ...]]) -> None:
        pipe = client.pipeline(transaction=False)
        for _, _, partition, body in rows:
            pipe.xadd(f"told:{partition}", {"body": body})
        pipe.execute()

    return send


def to_rabbitmq(url: str, stack: ExitStack) -> Send:
    """Persistent messages to the queues of the relay, and their confirms awaited together."""
    import amqp

    parts = urlsplit(url)
    connection = amqp.Connection(
        host=f"{parts.hostname}:{parts.port}",
        userid=parts.username,
        password=parts.password,
        virtual_host=parts.path[1:] or "/",
    )
    connection.connect()
    stack.callback(connection.close)
    channel, waiting = connection.channel(), set[int]()

    def confirmed(tag: int, multiple: bool) -> None:  # noqa: FBT001 - py-amqp calls it
        if multiple:
            waiting.difference_update({one for one in waiting if one <= tag})
        else:
            waiting.discard(tag)

    channel.events["basic_ack"].add(confirmed)
    channel.confirm_select()
    tags = count(1)

    def send(rows: Sequence[tuple[Any, ...]]) -> None:
        for _, _, partition, body in rows:
            waiting.add(next(tags))
            message = amqp.Message(body.encode(), delivery_mode=2)
            channel.basic_publish(message, "quintet.events", f"{partition}.told")
        while waiting:
            connection.drain_events(timeout=10)

    return send


def to_nats(url: str, runner: asyncio.Runner, stack: ExitStack) -> Send:
    """Messages to the stream of the relay, and their acknowledgements awaited together."""
    import nats

    client = runner.run(nats.connect(url))
    stack.callback(lambda: runner.run(client.close()))
    stream = client.jetstream()

    async def sent(rows: Sequence[tuple[Any, ...]]) -> None:
        await asyncio.gather(
            *(
                stream.publish(f"quintet.events.{partition}.told", body.encode())
                for _, _, partition, body in rows
            )
        )

    return lambda rows: runner.run(sent(rows))
