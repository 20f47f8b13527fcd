"""What this process knows of each service that it calls: how it fares, and what is asked of it now.

It is the knowledge of one process. Shared, it would be one more thing that has to be asked before a
call, and that can be out when it is needed most.
"""

from __future__ import annotations

import os
import random
import threading
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import Gauge

from quintet import conf, wire
from quintet.resilience.breaker import Breaker, State
from quintet.resilience.budget import RetryBudget
from quintet.resilience.bulkhead import Bulkhead
from quintet.resilience.latency import Percentile
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from quintet.settings import ServiceSettings

FAIR_SHARE = 3.0
"""A call that had less than so many times what is usual had no fair chance to be answered."""
_LEARN = 0.1

BREAKER = Gauge(
    "client_breaker_state",
    "0: calls are made, 1: a few are tried, 2: none are made.",
    ["service", "address"],
    multiprocess_mode="livemax",
)

log = get_logger("quintet.clients")


class Peer:
    """An address of a service: whether it is called, and how many calls to it are under way."""

    def __init__(self, base_url: str, breaker: Breaker) -> None:
        self.base_url, self.breaker = base_url, breaker
        self.in_flight = 0
        self._lock = threading.Lock()

    def enter(self) -> None:
        """Count a call that begins."""
        with self._lock:
            self.in_flight += 1

    def leave(self) -> None:
        """Count it as over."""
        with self._lock:
            self.in_flight -= 1


class Dependency:
    """The state of one service: the budget and the places are its own, an address has a breaker."""

    def __init__(self, name: str, env: ServiceSettings) -> None:
        self.name, self.env = name, env
        self.budget = RetryBudget(share=env.CLIENT_RETRY_SHARE)
        self.bulkhead = Bulkhead(places=env.CLIENT_PLACES, queue=env.CLIENT_PLACES)
        self._peers: dict[str, Peer] = {}
        self._usual_by_client: dict[type, Percentile] = {}
        self._usual_seconds = 0.0

    def choose(self, base_urls: Sequence[str], *, tried: Collection[Peer] = ()) -> Peer:
        """Pick an address: of two by chance, the one that has less to do.

        An address that is not called now is picked only when all others are no better, and so is
        one that was ``tried``. Two choices come close to the best one, and do not send everybody to
        the same (Mitzenmacher, *The Power of Two Choices in Randomized Load Balancing*, 2001).
        """
        if len(base_urls) == 1:
            return self.peer(base_urls[0])
        peers = [self.peer(base_url) for base_url in base_urls]
        peers = [one for one in peers if one not in tried] or peers
        peers = [one for one in peers if one.breaker.is_willing] or peers
        if len(peers) == 1:
            return peers[0]
        one, other = random.sample(peers, 2)
        return one if one.in_flight <= other.in_flight else other

    def peer(self, base_url: str) -> Peer:
        """What is known of an address."""
        found = self._peers.get(base_url)
        if found is None:
            breaker = Breaker(
                open_seconds=self.env.CLIENT_OPEN_SECONDS,
                changed=partial(self._changed, _written(base_url)),
            )
            found = self._peers.setdefault(base_url, Peer(base_url, breaker))
        return found

    def states(self) -> dict[str, State]:
        """What the breaker of each address says."""
        return {_written(url): peer.breaker.state for url, peer in self._peers.items()}

    @property
    def state(self) -> State:
        """The state of the address that is most willing: one that answers is enough."""
        return min(self.states().values(), default=State.CLOSED)

    def usual(self, client: type) -> Percentile:
        """How long the GETs of this class usually take; those of another may take longer."""
        found = self._usual_by_client.get(client)
        return self._usual_by_client.setdefault(client, Percentile()) if found is None else found

    def learn(self, seconds: float) -> None:
        """Note how long an answer took; two threads may lose one of two notes."""
        usual = self._usual_seconds
        self._usual_seconds = usual + (seconds - usual) * _LEARN if usual else seconds

    def had_a_chance(self, seconds: float) -> bool:
        """Whether so much time was enough to be answered in, as far as is known."""
        return seconds >= FAIR_SHARE * self._usual_seconds

    def _changed(self, address: str, state: State) -> None:
        BREAKER.labels(self.name, address).set(state)
        told = log.info if state is State.CLOSED else log.warning
        told("breaker changed", target=self.name, address=address, state=state.name.lower())


class _Known:
    """The dependencies of this process, as long as its settings are the same."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.by_name: dict[str, Dependency] = {}


_known = _Known()


def dependency(name: str) -> Dependency:
    """What is known of the service of this name."""
    env = conf.current()
    found = _known.by_name.get(name)
    if found is None or found.env is not env:
        with _known.lock:
            found = _known.by_name.get(name)
            if found is None or found.env is not env:
                found = _known.by_name[name] = Dependency(name, env)
    return found


def forget() -> None:
    """Know nothing of anybody: a child of a fork has made no call, nor has a new transport."""
    global _known  # noqa: PLW0603 - the one reference that a fork replaces
    _known = _Known()


def _written(base_url: str) -> str:
    peer = wire.address(base_url)
    return f"{peer.host}:{peer.port}"


os.register_at_fork(after_in_child=forget)
