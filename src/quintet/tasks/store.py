"""What a queue of Celery has no place for: tasks for later, tasks that were given up, counts.

It is in the Redis or Valkey that carries the queue, below the name of the service. Celery keeps a
task that is to run later in the memory of a worker, where its redelivery comes due before it does.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast
from uuid import uuid4

import redis

from quintet import conf
from quintet.settings import derive
from quintet.tasks import calls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quintet.tasks.calls import Call

CONNECT_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 5.0
CLAIM_SECONDS: Final = 30.0
"""For how long a task that is due belongs to the worker that has found it."""
DUE_AT_ONCE: Final = 100
COUNTED_SECONDS: Final = 86_400

_CLAIM: Final = """
local due = redis.call('ZRANGE', KEYS[1], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[3])
for _, one in ipairs(due) do redis.call('ZADD', KEYS[1], ARGV[2], one) end
return due
"""
_SETTLE: Final = """
local kept_until = redis.call('ZSCORE', KEYS[1], ARGV[1])
if kept_until and tonumber(kept_until) == tonumber(ARGV[2]) then
  redis.call('ZREM', KEYS[1], ARGV[1])
end
"""
_TAKE: Final = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then return 1 end
return redis.call('GET', KEYS[1]) == ARGV[1] and 1 or 0
"""


class Due(NamedTuple):
    """A task whose moment has come, as it was written down, and how long it belongs to a worker."""

    written: str
    claimed_until: float


class Store:
    """The places of one service: ``later``, ``parked``, how often a task came back, and spans."""

    def __init__(self, url: str, service: str) -> None:
        self.prefix = f"tasks:{service}:"
        self._redis = redis.Redis.from_url(
            derive.redis_url(url),
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=CONNECT_SECONDS,
            decode_responses=True,
        )
        self._claim = self._redis.register_script(_CLAIM)
        self._settle = self._redis.register_script(_SETTLE)
        self._take = self._redis.register_script(_TAKE)
        self._name = str(uuid4())
        self._later, self._parked = f"{self.prefix}later", f"{self.prefix}parked"

    def close(self) -> None:
        """Say goodbye."""
        self._redis.close()

    def defer(self, call: Call, *, due_at: float) -> None:
        """Keep a task until a moment of the epoch."""
        self._redis.zadd(self._later, {json.dumps(call.written()): due_at})

    def due(self) -> list[Due]:
        """Some tasks whose moment has come; nobody else is given them for ``CLAIM_SECONDS``."""
        now = time.time()
        found = self._claim(keys=[self._later], args=[now, now + CLAIM_SECONDS, DUE_AT_ONCE])
        return [Due(written, now + CLAIM_SECONDS) for written in found]

    def settle(self, due: Due) -> None:
        """Forget one of them that is on its way, unless somebody has put it off again meanwhile."""
        self._settle(keys=[self._later], args=[due.written, due.claimed_until])

    def waiting(self) -> int:
        """How many tasks are kept for later."""
        return self._redis.zcard(self._later)

    def delivered_again(self, call_id: str) -> int:
        """Count that a task has come back, and say how often that has happened."""
        key = f"{self.prefix}came-back:{call_id}"
        with self._redis.pipeline() as pipe:
            pipe.incr(key)
            pipe.expire(key, COUNTED_SECONDS)
            return cast("int", pipe.execute()[0])

    def takes(self, task: str, span: int, *, seconds: float) -> bool:
        """Whether a task is this store's to begin in a span: whoever asks first may ask again."""
        key = f"{self.prefix}every:{task}:{span}"
        return bool(self._take(keys=[key], args=[self._name, max(60, int(2 * seconds))]))

    def park(self, call: Call, *, reason: str) -> None:
        """Keep a task that is given up, until somebody looks after it."""
        entry = {"call": call.written(), "reason": reason, "parked_at": time.time()}
        self._redis.hset(self._parked, call.id, json.dumps(entry))

    def parked(self) -> Iterator[Parked]:
        """What is parked, in the order in which it was."""
        entries = cast("dict[str, str]", self._redis.hgetall(self._parked)).values()
        return iter(sorted((Parked(entry) for entry in entries), key=lambda one: one.parked_at))

    def retry(self, parked: Parked) -> None:
        """Have a parked task begin anew, as if it had never been tried."""
        with self._redis.pipeline() as pipe:
            pipe.hdel(self._parked, parked.call.id)
            pipe.delete(f"{self.prefix}came-back:{parked.call.id}")
            pipe.zadd(self._later, {json.dumps(replace(parked.call, attempt=1).written()): 0.0})
            pipe.execute()

    def drop(self, call_id: str) -> bool:
        """Forget a parked task; ``False`` if there is none."""
        return bool(self._redis.hdel(self._parked, call_id))


class Parked:
    """A task that was given up, and why."""

    def __init__(self, written: str) -> None:
        entry: dict[str, Any] = json.loads(written)
        self.call = calls.read(entry["call"])
        self.reason, self.parked_at = str(entry["reason"]), float(entry["parked_at"])


@cache
def store() -> Store:
    """The store of this service."""
    env = conf.current()
    return Store(env.BROKER_URL, env.SERVICE_NAME)
