"""What this process knows of each service that it calls: how it fares, and what is asked of it now.

It is the knowledge of one process. Shared, it would be one more thing that has to be asked before a
call, and that can be out when it is needed most.
"""

from __future__ import annotations

import os
import threading
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import Gauge

from quintet import conf, wire
from quintet.resilience.breaker import Breaker, State
from quintet.resilience.budget import RetryBudget
from quintet.resilience.bulkhead import Bulkhead
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
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


class Dependency:
    """The state of one service: the budget and the places are its own, a breaker an address has."""

    def __init__(self, name: str, env: ServiceSettings) -> None:
        self.name, self.env = name, env
        self.budget = RetryBudget(share=env.CLIENT_RETRY_SHARE)
        self.bulkhead = Bulkhead(places=env.CLIENT_PLACES, queue=env.CLIENT_PLACES)
        self.breakers: dict[str, Breaker] = {}
        self._usual_seconds = 0.0

    def breaker(self, base_url: str) -> Breaker:
        """The breaker of an address."""
        found = self.breakers.get(base_url)
        if found is None:
            made = Breaker(
                open_seconds=self.env.CLIENT_OPEN_SECONDS,
                changed=partial(self._changed, _written(base_url)),
            )
            found = self.breakers.setdefault(base_url, made)
        return found

    @property
    def state(self) -> State:
        """The state of the breaker that is least willing."""
        return max((one.state for one in self.breakers.values()), default=State.CLOSED)

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


def known() -> list[Dependency]:
    """The services that this process has called, by name."""
    return [_known.by_name[name] for name in sorted(_known.by_name)]


def forget() -> None:
    """Know nothing of anybody: a child of a fork has made no call, nor has a new transport."""
    global _known  # noqa: PLW0603 - the one reference that a fork replaces
    _known = _Known()


def _written(base_url: str) -> str:
    peer = wire.address(base_url)
    return f"{peer.host}:{peer.port}"


os.register_at_fork(after_in_child=forget)
