"""What carries rows from the outbox to a broker: twenty lines of anybody, and the relay."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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


def to_rabbitmq(url: str, runner: asyncio.Runner, stack: ExitStack) -> Send:
    """Persistent messages to the queues of the relay, and their confirms awaited together."""
    import aio_pika

    async def opened() -> tuple[Any, Any]:
        connection = await aio_pika.connect(url)
        return connection, await (await connection.channel()).get_exchange("quintet.events")

    connection, exchange = runner.run(opened())
    stack.callback(lambda: runner.run(connection.close()))

    async def sent(rows: Sequence[tuple[Any, ...]]) -> None:
        persistent = aio_pika.DeliveryMode.PERSISTENT
        await asyncio.gather(
            *(
                exchange.publish(
                    aio_pika.Message(body.encode(), delivery_mode=persistent),
                    routing_key=f"{partition}.told",
                )
                for _, _, partition, body in rows
            )
        )

    return lambda rows: runner.run(sent(rows))


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
