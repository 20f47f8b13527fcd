"""Processes that ask as fast as they can: a line of JSON says whom, the answer is what they got.

They are forked from one that a session of tests starts once: to import takes longer than to ask.
"""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from multiprocessing import get_context

import redis

from quintet.resilience.rates import Verdict
from quintet.settings.rates import parse
from quintet.views.throttling.shared import SharedRateLimiter


class ReadModifyWrite:
    """What the throttles of frameworks do: read a list, append to it, write it back."""

    def __init__(self, url: str, *, prefix: str) -> None:
        self.client, self.prefix = redis.Redis.from_url(url), prefix

    def ask(self, caller, rates):
        (rate,) = rates
        key, now = f"{self.prefix}:{caller}", time.time()
        stored = (self.client.get(key) or b"").split()
        granted = [at for at in stored if float(at) > now - rate.seconds]
        if len(granted) >= rate.amount:
            return Verdict(False, [])
        self.client.set(key, b" ".join([*granted, str(now).encode()]), ex=rate.seconds)
        return Verdict(True, [])


LIMITERS = {"ours": SharedRateLimiter, "naive": ReadModifyWrite}


class Start:
    """Where the processes of a crowd wait for one another."""

    barrier = None


def hammer(jump: float, *, limiter: str, url: str, rate: str, seconds: float) -> int:
    told, rates, granted = time.time, parse(rate), 0
    time.time = lambda: told() + jump
    asked = LIMITERS[limiter](url, prefix="hammer")
    asked.ask("somebody else", rates)  # who has a connection is as fast as the others
    Start.barrier.wait()
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        granted += asked.ask("caller", rates).granted
    return granted


def main() -> None:
    fork = get_context("fork")
    for line in sys.stdin:
        asked = json.loads(line)
        jumps = asked.pop("jumps")
        Start.barrier = fork.Barrier(len(jumps))
        with fork.Pool(len(jumps)) as pool:
            granted = pool.map(partial(hammer, **asked), jumps, chunksize=1)
        sys.stdout.write(json.dumps(granted) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
