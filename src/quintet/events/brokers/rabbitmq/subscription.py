"""What one member of a group reads, over a channel of its own.

aio-pika reads, since it tells the broker that this process lives while a handler takes its time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quintet.events.brokers import Delivery
from quintet.events.brokers.loops import Loop, Mailbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aio_pika.abc import AbstractChannel, AbstractIncomingMessage


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
