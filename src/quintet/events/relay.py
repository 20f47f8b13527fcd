"""The relay: takes what is committed in the outbox to the broker, and notes what it has confirmed.

Several may run. What is sent twice, because a relay was killed between both or lost its lease, has
one effect: the inbox of each reader sees to that.
"""

from __future__ import annotations

import collections
import random
import time
from typing import TYPE_CHECKING, Final

from django.db import InterfaceError, OperationalError, close_old_connections
from prometheus_client import Counter, Gauge

from quintet import conf
from quintet.events import outbox
from quintet.events.brokers import BrokerUnavailable
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from threading import Event

    from quintet.events.brokers import Broker, Message
    from quintet.events.leases import Leases

BATCH: Final = 500
REST_SECONDS: Final = 0.02
"""How long to wait before looking again when there was nothing: half of what an event waits."""
BACKOFF_SECONDS: Final = 0.1
BACKOFF_SECONDS_MAX: Final = 5.0
UNREAD_SECONDS: Final = 1.0
"""How long to leave a topic alone that nobody reads."""
CHORES_SECONDS: Final = 5.0
PRUNED_AT_ONCE: Final = 1_000

PUBLISHED = Counter("events_published_total", "Events that the broker has confirmed.", ["topic"])
UNREAD = Counter("events_unread_total", "Events deleted because nobody has ever read their topic.")
FAILURES = Counter("events_publish_failures_total", "Times that the broker did not take events.")
OLDEST = Gauge(
    "events_outbox_oldest_seconds",
    "How long the event waits that has waited longest to be published.",
    multiprocess_mode="livemax",
)

log = get_logger("quintet.events")


class Relay:
    """Publishes the events of the partitions that it holds, each in the order of its key."""

    def __init__(self, broker: Broker, leases: Leases) -> None:
        self._broker, self._leases = broker, leases
        self._chores_at, self._failed = 0.0, 0
        self._unread: dict[str, float] = {}
        """Topics that nobody has read, and when to try them again."""

    def run(self, ending: Event) -> None:
        """Work until told to end; what was begun is finished, and the leases are given back."""
        while not ending.is_set():
            ending.wait(self._attempt())
            close_old_connections()
        self._leases.release()

    def round(self) -> int:
        """Publish the next events; say how many.

        Raises:
            BrokerUnavailable: The broker did not take them.
        """
        held = self._leases.keep()
        found = outbox.waiting(held, limit=BATCH, without=self._unread_topics())
        if not found:
            return 0
        back = {one.event_id for one in self._publish([message for _, message in found])}
        taken = [one for one in found if one[1].event_id not in back]
        outbox.confirmed([number for number, _ in taken])
        for topic, number in collections.Counter(message.topic for _, message in taken).items():
            PUBLISHED.labels(topic).inc(number)
        return len(taken)

    def _publish(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Publish messages; those come back that nobody reads yet, and their topics get a pause."""
        back = self._broker.publish(messages)
        unread = {message.topic for message in back}
        for topic in {message.topic for message in messages} - unread:
            self._unread.pop(topic, None)
        for topic in unread:
            if topic not in self._unread:
                log.warning("events wait until a service reads them", topic=topic)
            self._unread[topic] = time.monotonic() + UNREAD_SECONDS
        return back

    def _unread_topics(self) -> list[str]:
        now = time.monotonic()
        return [topic for topic, again_at in self._unread.items() if again_at > now]

    def _attempt(self) -> float:
        """Do a round, and say how long to rest after it."""
        try:
            published = self.round()
            self._chores()
        except (BrokerUnavailable, OperationalError, InterfaceError) as error:
            return self._back_off(error)
        if self._failed:
            log.info("events are published again", failures=self._failed)
        self._failed = 0
        return 0.0 if published == BATCH else REST_SECONDS

    def _back_off(self, error: Exception) -> float:
        FAILURES.inc()
        self._failed += 1
        if self._failed == 1:
            log.warning("events are not published for now", reason=str(error)[:200])
        longest = min(BACKOFF_SECONDS * 2 ** min(self._failed, 10), BACKOFF_SECONDS_MAX)
        return random.uniform(longest / 2, longest)  # noqa: S311 - no secret

    def _chores(self) -> None:
        """What has to be done now and then: read the age of the oldest event, delete old ones."""
        if time.monotonic() < self._chores_at:
            return
        OLDEST.set(outbox.oldest_seconds(without=self._unread))
        kept = conf.current().EVENTS_KEPT_SECONDS
        UNREAD.inc(outbox.pruned_unread(list(self._unread), older_than_seconds=kept))
        again = outbox.pruned(older_than_seconds=kept, limit=PRUNED_AT_ONCE) == PRUNED_AT_ONCE
        self._chores_at = time.monotonic() + (0.0 if again else CHORES_SECONDS)
