"""A process under load, without a process and without waiting: time is a number that jumps."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from quintet.resilience.limiter import Limiter


class Clock:
    """Says what it was told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Process:
    """Works on what its limiter lets in; `takes` says how long, from the requests in flight."""

    limiter: Limiter
    takes: Callable[[int], float]
    route: str = "/"
    ok: bool = True
    refused: Counter = field(default_factory=Counter)
    done: Counter = field(default_factory=Counter)
    running: list = field(default_factory=list)
    limits: set = field(default_factory=set)

    def offer(self, seconds, *, priority=False, **rates):
        """Let requests of each client arrive at a fixed rate; return what this has changed."""
        clock, ends = self.limiter.clock, self.limiter.clock.now + seconds
        due = [
            (clock.now + (number + 0.5) / len(rates) / rate, client, 1 / rate)
            for number, (client, rate) in enumerate(rates.items())
        ]
        heapq.heapify(due)
        while due and due[0][0] < ends:
            at, client, pause = due[0]
            heapq.heapreplace(due, (at + pause, client, pause))
            self.finish(at)
            clock.now = at
            self._arrive(client, priority=priority)
        self.finish(ends)
        clock.now = ends
        return self

    def finish(self, instant):
        """Give back the places of all that is over by then."""
        while self.running and self.running[0][0] <= instant:
            at, _, client, route, began = heapq.heappop(self.running)
            self.limiter.clock.now = at
            self.limiter.release(client, route=route, began=began, ok=self.ok)
            self.done[client] += 1
            self.limits.add(self.limiter.limit)

    def _arrive(self, client, *, priority):
        refusal = self.limiter.acquire(client, priority=priority)
        if refusal is not None:
            self.refused[client, refusal.value] += 1
            return
        began = self.limiter.clock.now
        number = sum(self.done.values()) + len(self.running)
        ends = began + self.takes(self.limiter.in_flight)
        heapq.heappush(self.running, (ends, number, client, self.route, began))
