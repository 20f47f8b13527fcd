"""The consumer: takes what a broker delivers to the handlers of the service, and acknowledges it.

A message is acknowledged when each of its handlers has handled or parked it. While the service is
not ready none is taken.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from django.db import (
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    connections,
)

from quintet import conf
from quintet.errors import UnavailableException
from quintet.events import envelope, inbox, parking
from quintet.events.brokers import BrokerUnavailable
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from threading import Event

    from quintet.events.brokers import Broker, Delivery, Subscription
    from quintet.events.envelope import Envelope
    from quintet.events.handling import Handler, Handlers
    from quintet.events.leases import Leases
    from quintet.events.models import ParkedEvent

BATCH: Final = 100
DUE_AT_ONCE: Final = 50
WAIT_SECONDS: Final = 0.5
"""How long to wait for a message; so late at most is an event tried again whose pause is over."""
BACKOFF_SECONDS: Final = 0.1
BACKOFF_SECONDS_MAX: Final = 5.0
CHORES_SECONDS: Final = 5.0
PRUNED_AT_ONCE: Final = 1_000

UNFINISHED: Final = "Its last attempt did not come to an end: the process was killed in it."

log = get_logger("quintet.events")


class Arrived(NamedTuple):
    """A message and what could be read of it."""

    delivery: Delivery
    envelope: Envelope


class DatabaseAway(Exception):
    """The database of the service cannot be asked: no fault of any event."""


class Consumer:
    """Handles the events of the partitions that it holds."""

    def __init__(
        self,
        broker: Broker,
        leases: Leases,
        handlers: Handlers,
        *,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self._broker, self._leases, self._handlers, self._ready = broker, leases, handlers, ready
        self._subscription: Subscription | None = None
        self._subscribed: frozenset[int] = frozenset()
        self._chores_at, self._failed = 0.0, 0
        lanes = sum(handler.concurrency for handler in handlers.by_name.values())
        self._pool = ThreadPoolExecutor(max(1, min(lanes, conf.current().MAX_IN_FLIGHT)))

    def run(self, ending: Event) -> None:
        """Work until told to end; what was begun is finished, and the leases are given back."""
        with self._pool:
            while not ending.is_set():
                ending.wait(self._attempt())
                close_old_connections()
        self._leave()
        self._leases.release()

    def round(self) -> int:
        """Handle what is due and what arrives; say how many messages there were.

        Raises:
            BrokerUnavailable: The broker cannot be asked.
            DatabaseAway: Nothing can be handled now.
        """
        held = self._leases.keep()
        if not held:
            self._leave()
            return 0
        again = self._try_again(held)
        deliveries = self._subscribed_to(held).fetch(BATCH, 0.0 if again else WAIT_SECONDS)
        if deliveries:
            self._take(deliveries)
        return again + len(deliveries)

    def _attempt(self) -> float:
        """Do a round, and say how long to rest after it."""
        try:
            if not self._ready():
                return WAIT_SECONDS
            found = self.round()
            self._chores()
        except (BrokerUnavailable, DatabaseAway, OperationalError, InterfaceError) as error:
            self._leave()  # what was not acknowledged is read again
            return self._back_off(error)
        if self._failed:
            log.info("events are handled again", failures=self._failed)
        self._failed = 0
        return 0.0 if found or self._leases.held else WAIT_SECONDS

    def _back_off(self, error: Exception) -> float:
        self._failed += 1
        if self._failed == 1:
            log.warning("events are not handled for now", reason=str(error)[:200])
        longest = min(BACKOFF_SECONDS * 2 ** min(self._failed, 10), BACKOFF_SECONDS_MAX)
        return random.uniform(longest / 2, longest)  # noqa: S311 - no secret

    def _subscribed_to(self, held: frozenset[int]) -> Subscription:
        if held != self._subscribed:
            self._leave()
        if self._subscription is None:
            self._subscription = self._broker.subscribe(
                self._handlers.topics(), sorted(held), group=conf.current().SERVICE_NAME
            )
            self._subscribed = held
        return self._subscription

    def _leave(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with suppress(BrokerUnavailable):
                subscription.close()

    def _take(self, deliveries: list[Delivery]) -> None:
        """Handle messages, those of one lane after another, and acknowledge them together."""
        arrived = [one for delivery in deliveries if (one := self._read(delivery)) is not None]
        lanes: dict[tuple[str, int], list[Arrived]] = defaultdict(list)
        for one in arrived:
            for handler in self._handlers.by_type.get(one.envelope.type, ()):
                lane = handler.lane(one.envelope.partitionkey, one.envelope.id)
                lanes[handler.name, lane].append(one)
        waiting = self._waiting(arrived)
        works = [
            self._pool.submit(self._work, self._handlers.by_name[name], lane, waiting)
            for (name, _), lane in lanes.items()
        ]
        wait(works)
        for work in works:
            work.result()
        if self._subscription is not None:
            self._subscription.acknowledge(deliveries)

    def _read(self, delivery: Delivery) -> Arrived | None:
        """Read an envelope; what nobody will ever be able to read is a dead letter at once."""
        try:
            found = envelope.read(delivery.body)
        except envelope.Malformed as error:
            parking.bury_unreadable(delivery, reason=str(error))
            return None
        if found.type not in self._handlers.by_type and self._handlers.knows(found.type):
            reason = f"No handler reads this version: {found.type}."
            parking.bury_unreadable(delivery, reason=reason, found=found)
        return Arrived(delivery, found)

    def _waiting(self, arrived: Iterable[Arrived]) -> set[tuple[str, str]]:
        """The keys that an earlier event holds up."""
        keys = {one.envelope.partitionkey for one in arrived}
        ordered = [one.name for one in self._handlers.by_name.values() if one.ordered]
        return parking.keys_that_wait(ordered, keys) if keys and ordered else set()

    def _work(self, handler: Handler, lane: list[Arrived], waiting: set[tuple[str, str]]) -> None:
        """Handle the events of one lane in a thread of the pool."""
        held_up = {key for name, key in waiting if name == handler.name}
        try:
            for delivery, found in lane:
                if found.partitionkey in held_up:
                    parking.park(handler, found, delivery, attempts=0)
                elif not self._handled(handler, found, delivery) and handler.ordered:
                    held_up.add(found.partitionkey)
        finally:
            connections.close_all()

    def _handled(self, handler: Handler, found: Envelope, delivery: Delivery) -> bool:
        """Handle an event, or park it; ``False`` if it is parked."""
        if delivery.redelivered:
            # Perhaps it has killed the process before: from now on its attempts are counted.
            parking.park(handler, found, delivery, attempts=1)
            return False
        try:
            inbox.handle(handler, found)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, its event is kept
            attempts = 0 if isinstance(error, UnavailableException) else 1
            parking.park(handler, found, delivery, attempts=attempts, reason=_reason(error))
            return False
        return True

    def _try_again(self, held: frozenset[int]) -> int:
        """Try events again whose pause is over.

        An attempt that left no reason did not come to an end. Such events are tried one by one: the
        one that kills the process shall not have others counted with it.
        """
        found = parking.due(held, self._handlers.by_name.values(), limit=DUE_AT_ONCE)
        suspects = [parked for parked in found if parked.attempts and not parked.reason]
        works = [self._pool.submit(self._once_more, one) for one in found if one not in suspects]
        wait(works)
        for work in works:
            work.result()
        for parked in suspects:
            self._once_more(parked)
        return len(found)

    def _once_more(self, parked: ParkedEvent) -> None:
        handler = self._handlers.by_name[parked.handler]
        try:
            if parked.attempts >= handler.attempts:
                parking.failed(parked, reason=UNFINISHED, attempts=handler.attempts)
                return
            if not parking.begin(parked):
                return
            found = envelope.read(parked.body)
            inbox.handle(handler, found, afterwards=lambda: parking.settle(parked))
        except Exception as error:  # noqa: BLE001 - as above
            reason = _reason(error)
            if isinstance(error, UnavailableException):
                parking.not_counted(parked)
            parking.failed(parked, reason=reason, attempts=handler.attempts)
        finally:
            connections.close_all()

    def _chores(self) -> None:
        if time.monotonic() < self._chores_at:
            return
        parking.count()
        kept = conf.current().EVENTS_KEPT_SECONDS
        again = inbox.pruned(older_than_seconds=kept, limit=PRUNED_AT_ONCE) == PRUNED_AT_ONCE
        self._chores_at = time.monotonic() + (0.0 if again else CHORES_SECONDS)


def _reason(error: Exception) -> str:
    """What to write down of a failure.

    Raises:
        DatabaseAway: It is none of the event's.
    """
    if isinstance(error, OperationalError | InterfaceError) and not _database_answers():
        raise DatabaseAway(type(error).__name__) from error
    return f"{type(error).__name__}: {error}"


def _database_answers() -> bool:
    connection.close()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (OperationalError, InterfaceError):
        return False
    return True
