"""A broker within the process, for tests of services: it loses everything with it."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from quintet.events.brokers import Delivery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quintet.events.brokers import Message

Place: TypeAlias = tuple[str, int]


class MemoryBroker:
    """Keeps the messages of each partition in a list."""

    def __init__(self) -> None:
        self.messages: dict[Place, list[Message]] = defaultdict(list)
        self.read: dict[tuple[str, Place], int] = defaultdict(int)
        """How far a group has read a partition."""
        self.pending: dict[tuple[str, Place], set[int]] = defaultdict(set)
        self.changed = threading.Condition()

    def publish(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Append them."""
        with self.changed:
            for message in messages:
                self.messages[message.topic, message.partition].append(message)
            self.changed.notify_all()
        return ()

    def subscribe(
        self, topics: Sequence[str], partitions: Sequence[int], *, group: str
    ) -> MemorySubscription:
        """Begin with what the group has not acknowledged."""
        places = [(topic, partition) for topic in topics for partition in partitions]
        return MemorySubscription(self, places, group=group)

    def close(self) -> None:
        """Nothing to do: others may still read."""


class MemorySubscription:
    """Reads some of the lists."""

    def __init__(self, broker: MemoryBroker, places: Sequence[Place], *, group: str) -> None:
        self._broker, self._places, self._group = broker, places, group
        self._left = [
            (place, at) for place in places for at in sorted(broker.pending[group, place])
        ]

    def fetch(self, limit: int, wait_seconds: float) -> list[Delivery]:
        """Take from one list after another."""
        ends_at = time.monotonic() + wait_seconds
        broker = self._broker
        with broker.changed:
            if self._left:
                left, self._left = self._left[:limit], self._left[limit:]
                return [self._delivery(place, at, redelivered=True) for place, at in left]
            while not (found := self._new(limit)):
                if not broker.changed.wait(ends_at - time.monotonic()):
                    break
            return found

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Forget that they are pending."""
        with self._broker.changed:
            for one in deliveries:
                place = one.topic, one.partition
                self._broker.pending[self._group, place].discard(int(one.receipt))

    def close(self) -> None:
        """Nothing to do: what is pending is pending for the group."""

    def _new(self, limit: int) -> list[Delivery]:
        found: list[Delivery] = []
        for place in self._places:
            pointer = self._group, place
            for at in range(self._broker.read[pointer], len(self._broker.messages[place])):
                if len(found) == limit:
                    break
                found.append(self._delivery(place, at, redelivered=False))
                self._broker.pending[pointer].add(at)
                self._broker.read[pointer] = at + 1
        return found

    def _delivery(self, place: Place, at: int, *, redelivered: bool) -> Delivery:
        return Delivery(*place, self._broker.messages[place][at].body, str(at), redelivered)
