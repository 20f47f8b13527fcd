"""The seam between a service and the broker that carries its events.

A broker takes messages and says when it has them; it gives each group of readers all messages of a
topic, those of one partition in their order, and again until they are acknowledged. Everything else
is done on both sides of it: who reads which partition, what is a duplicate, what is tried again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import urlsplit

from quintet.errors import UnavailableException
from quintet.settings.schemes import NATS_SCHEMES, RABBITMQ_SCHEMES, REDIS_SCHEMES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID


class Message(NamedTuple):
    """An event as a broker sees it: where it belongs, and a text."""

    event_id: UUID
    topic: str
    partition: int
    key: str
    body: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that was received, and the word by which its broker knows it."""

    topic: str
    partition: int
    body: str
    receipt: str
    redelivered: bool = False
    """Whether it may have been received before, by somebody who did not acknowledge it."""


class BrokerUnavailable(UnavailableException):
    """The broker cannot be asked now; what it was given last may have arrived or not."""


class Subscription(Protocol):
    """What one group reads of some partitions of some topics."""

    def fetch(self, limit: int, wait_seconds: float) -> list[Delivery]:
        """The next messages, those first that were not acknowledged; none after the wait.

        Raises:
            BrokerUnavailable: Nobody answers.
        """
        ...

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Let them not be delivered again. Raises ``BrokerUnavailable``."""
        ...

    def close(self) -> None:
        """Leave what was not acknowledged to the next one. Raises ``BrokerUnavailable``."""
        ...


class Broker(Protocol):
    """Where messages are given and taken."""

    def publish(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Give messages, and return when the broker has them.

        Those come back that no group reads yet, if the broker does not keep them: give them again
        later. Of one topic and partition it takes all of them or none.

        Raises:
            BrokerUnavailable: It may have some, in their order, or none: give all of them again.
        """
        ...

    def subscribe(
        self, topics: Sequence[str], partitions: Sequence[int], *, group: str
    ) -> Subscription:
        """Read as a member of a group; who is new begins with the oldest message that is left.

        Two members do not read one partition at the same time: leases see to that. What the member
        before has left unacknowledged comes first. Raises ``BrokerUnavailable``.
        """
        ...

    def close(self) -> None:
        """Say goodbye; nothing can be asked afterwards."""
        ...


def broker_for(url: str) -> Broker:
    """The broker of a ``BROKER_URL``.

    Raises:
        ValueError: The scheme is that of no broker.
        ImportError: Its library is not installed.
    """
    scheme = urlsplit(url).scheme
    # Not at the top: each library is an extra.
    if scheme in REDIS_SCHEMES:
        from quintet.events.brokers.streams import StreamsBroker

        return StreamsBroker(url)
    if scheme in RABBITMQ_SCHEMES:
        from quintet.events.brokers.rabbitmq import RabbitBroker

        return RabbitBroker(url)
    if scheme in NATS_SCHEMES:
        from quintet.events.brokers.jetstream import JetStreamBroker

        return JetStreamBroker(url)
    known = ", ".join((*REDIS_SCHEMES, *RABBITMQ_SCHEMES, *NATS_SCHEMES))
    raise ValueError(f"BROKER_URL begins with {scheme!r}: events are carried by {known}.")
