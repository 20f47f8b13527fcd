"""How many requests a process works on at once: found out from how long they take.

A process that takes on more than it can do does nothing in time. So it has a number of places, and
who finds none is told at once. When requests take longer than their route usually does, while the
process is busy, fewer places are given out; see ``docs/decisions/0071``. Where requests are short,
as many as there are places may wait a moment for one, and where they are not, a client that has
fewer places than another; see ``docs/decisions/0090``.
"""

from __future__ import annotations

import enum
import math
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

FLOOR_SHARE = 0.25
RESERVED_SHARE = 0.125
SPARE_SHARE = 0.25
MOMENT_SECONDS = 0.1
"""How long a request waits for a place at most, and may take on average so that anybody waits."""
WINDOW_SECONDS = 0.5
FEWEST_SAMPLES = 10
TOLERANCE = 1.5
"""How much slower than usual is no reason to do less."""
MOST_SLOWDOWN = 6.0
"""What one request can count for; with ``FEWEST_SAMPLES``, one alone stays within the tolerance."""
STEP = 0.5
LEARN_QUICKLY = 0.1
LEARN_SLOWLY = 1 / 600
"""Per window: five minutes of slowness become two thirds usual. A service that is slower for good
is not starved for ever, and an overload is seen as one for as long as that."""
MOST_ROUTES = 256
STALE_SECONDS = 5.0
ALONE_AFTER_SECONDS = 5.0
RESERVED_FOR_SECONDS = 60.0


class Refusal(enum.StrEnum):
    """Why there is no place."""

    FULL = "full"
    RESERVED = "reserved"
    CLIENT = "client"


class _Route:
    """What is usual for a route, and what it took in this window."""

    __slots__ = ("count", "most", "seconds", "usual")

    def __init__(self) -> None:
        self.usual, self.most = 0.0, math.inf
        self.count, self.seconds = 0, 0.0

    def slowdown(self) -> float:
        """How much slower this window was than usual, times the requests in it."""
        usual = self.usual * self.count
        return self.count * max(1.0, self.seconds / usual) if usual else self.count

    def learn(self, *, crowded: bool) -> None:
        """Move what is usual towards this window: slowly, if it is slower and we may be why."""
        mean = self.seconds / self.count
        pace = LEARN_SLOWLY if crowded and mean > self.usual else LEARN_QUICKLY
        self.usual = self.usual + (mean - self.usual) * pace if self.usual else mean
        self.most = self.usual * MOST_SLOWDOWN
        self.count, self.seconds = 0, 0.0


class Limiter:
    """Gives out at most ``limit`` places, and knows of each client how many it has.

    The limit lies between ``floor``, by default a quarter of the ceiling, and ``ceiling``. A client
    that has ``client_share`` of it gets no more when a quarter of the places or less is free and
    another client was here in the last seconds: alone, it may take everything. One place in eight
    is kept for requests with priority while there are such requests.
    """

    def __init__(
        self,
        *,
        ceiling: int,
        floor: int | None = None,
        client_share: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ceiling = ceiling
        self.floor = max(1, math.ceil(ceiling * FLOOR_SHARE)) if floor is None else floor
        self.clock = clock
        self._client_share = client_share
        self._lock = threading.Lock()
        self._freed = threading.Condition(self._lock)
        self._waiting = 0
        self._mean_seconds = 0.0
        self._in_flight = 0
        self._clients: dict[str, int] = {}
        self._routes: dict[Hashable, _Route] = {}
        self._met_at = self._wanted_at = -math.inf
        self._released_at = clock()
        self._set(float(ceiling))
        self._open_window(self._released_at)

    @property
    def in_flight(self) -> int:
        """The places that are taken."""
        return self._in_flight

    def acquire(self, client: str = "", *, priority: bool = False) -> Refusal | None:
        """Take a place, or say why there is none; each place that was taken has to be released."""
        with self._lock:
            taken, mine = self._in_flight, self._clients.get(client, 0)
            if taken >= self._spared:
                refusal = self._judge(client, priority=priority, ahead=self._waiting)
                if refusal is not None:
                    return refusal
            elif taken and not mine:
                self._met_at = self.clock()
            self._take(client)
        return None

    def wait(
        self, client: str = "", *, priority: bool = False, seconds: float = MOMENT_SECONDS
    ) -> Refusal | None:
        """Do as ``acquire`` does, and wait for a place if one will be free in a moment.

        Nobody waits behind as many as there are places: who may wait takes twice as long as who
        need not, and no longer. Where requests take longer than a moment, only a client waits that
        has fewer places than another, behind as many as will have a place in that moment.
        """
        refusal = self.acquire(client, priority=priority)
        if refusal is not Refusal.FULL:
            return refusal
        ends_at = self.clock() + seconds
        with self._lock:
            ahead = self._waiting
            if self._in_flight + ahead >= self.limit + self._room(client):
                return refusal
            self._waiting = ahead + 1
            try:
                refusal = self._judge(client, priority=priority, ahead=ahead)
                while refusal is Refusal.FULL and (left := ends_at - self.clock()) > 0:
                    self._freed.wait(left)
                    refusal = self._judge(client, priority=priority, ahead=0)
            finally:
                self._waiting -= 1
            if refusal is None:
                self._take(client)
            else:
                self._freed.notify()  # what this one was told of is for the next
        return refusal

    def release(
        self, client: str = "", *, route: Hashable = "", began: float | None = None, ok: bool = True
    ) -> None:
        """Give a place back, and say when the request ``began`` if its time tells anything.

        A failure that came faster than the route usually answers tells nothing.
        """
        now = self.clock()
        with self._lock:
            taken = self._in_flight
            self._in_flight = taken - 1
            if self._waiting:
                self._freed.notify(max(0, self.limit - taken + 1))
            left = self._clients[client] - 1
            if left:
                self._clients[client] = left
            else:
                del self._clients[client]
            self._released_at = now
            if began is None:
                return
            seconds = now - began
            seen = self._routes.get(route) or self._meet(route)
            if ok or 0.0 < seen.usual < seconds:
                seen.count += 1
                seen.seconds += seconds if seconds < seen.most else seen.most  # noqa: FURB136 - fast
                self._samples += 1
                self._crowd += taken
            if now >= self._window_ends and self._samples >= FEWEST_SAMPLES:
                self._adjust(now)

    def _take(self, client: str) -> None:
        self._in_flight += 1
        self._clients[client] = self._clients.get(client, 0) + 1

    def _room(self, client: str) -> float:
        """How many may wait, this client being the last of them."""
        moments = self._mean_seconds / MOMENT_SECONDS
        if moments <= 1.0:
            return self.limit
        most = max((held for name, held in self._clients.items() if name), default=0)
        has_less = client and self._clients.get(client, 0) + 1 < most
        return self.limit / moments if has_less else 0

    def _judge(self, client: str, *, priority: bool, ahead: int) -> Refusal | None:
        """Look closely, now that a quarter of the places is free, or less.

        Those who wait are ``ahead`` of who comes, whether or not they have noticed their place.
        """
        now, taken, mine = self.clock(), self._in_flight, self._clients.get(client, 0)
        if taken >= self.limit and now - self._released_at > STALE_SECONDS:
            self._set(float(self.ceiling))  # what was measured is too old to refuse anybody
        if not mine:
            self._met_at = now
        if priority:
            self._wanted_at = now
        if taken + ahead >= self.limit:
            return Refusal.FULL
        shared = mine < taken or now - self._met_at < ALONE_AFTER_SECONDS
        if client and shared and mine >= self._share:
            return Refusal.CLIENT
        kept = not priority and now - self._wanted_at < RESERVED_FOR_SECONDS
        return Refusal.RESERVED if kept and taken >= self._unreserved else None

    def _meet(self, route: Hashable) -> _Route:
        """Remember a route; those beyond the first few hundred count as one."""
        if len(self._routes) >= MOST_ROUTES:
            route = ""
        return self._routes.setdefault(route, _Route())

    def _adjust(self, now: float) -> None:
        """Give out fewer places if the requests of this window were slow while we were busy."""
        routes = [route for route in self._routes.values() if route.count]
        slowdown = sum(route.slowdown() for route in routes) / self._samples
        self._mean_seconds = sum(route.seconds for route in routes) / self._samples
        crowded = self._crowd / self._samples >= self._exact / 2
        target = self.ceiling * min(1.0, TOLERANCE / slowdown) if crowded else self.ceiling
        self._set(self._exact + (target - self._exact) * STEP)
        for route in routes:
            route.learn(crowded=crowded)
        self._open_window(now)

    def _open_window(self, now: float) -> None:
        self._window_ends = now + WINDOW_SECONDS
        self._samples = self._crowd = 0

    def _set(self, exact: float) -> None:
        """Set the limit, and what follows from it, so that nobody has to reckon at each request."""
        self._exact = max(float(self.floor), exact)
        self.limit = limit = int(self._exact + 0.5)
        self._share = math.ceil(limit * self._client_share)
        self._spared = limit - math.ceil(limit * SPARE_SHARE)
        self._unreserved = max(1, limit - max(1, int(limit * RESERVED_SHARE)))
