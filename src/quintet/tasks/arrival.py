"""What a worker does with a task that has arrived: run it, try it again later, or give it up.

Nothing is lost on the way to either: a task is written down where it goes next before the queue is
told that it has arrived.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from django.db import connections

from quintet.tasks import calls, running
from quintet.tasks.declared import discovered, rhythms
from quintet.tasks.running import FINISHED, log
from quintet.tasks.store import store

if TYPE_CHECKING:
    from quintet.tasks.calls import Call
    from quintet.tasks.declared import BoundedTask

DELIVERIES: Final = 5
"""How often a task may be begun without an end: it, or something else, has killed its worker."""
PAUSE_SECONDS: Final = 1.0
PAUSE_SECONDS_MAX: Final = 300.0
UNKNOWN_SECONDS: Final = 900.0
"""How long a task waits for a worker that knows it: as long as a new version takes everywhere."""
UNKNOWN_PAUSE_SECONDS: Final = 5.0


def arrive(written: Any, *, redelivered: bool, worker: str) -> None:
    """Do what is to be done with a call that the queue has delivered."""
    try:
        call = calls.read(written)
    except calls.Malformed as error:
        FINISHED.labels("unreadable", "failed").inc()
        log.error("task cannot be read", reason=str(error))
        return
    with running.carrying(call):
        if redelivered and store().delivered_again(call.id) >= DELIVERIES:
            give_up(call, reason=f"It was begun {DELIVERIES} times and came to no end.")
        else:
            _attempt(call, discovered().get(call.task), worker=worker)


def give_up(call: Call, *, reason: str, error: Exception | None = None) -> None:
    """Park a task, for somebody to look after; one that has a rhythm is begun again anyway."""
    outcome = "failed" if call.task in rhythms() else "parked"
    if outcome == "parked":
        store().park(call, reason=reason)
    FINISHED.labels(call.task, outcome).inc()
    log.error(f"task {outcome}", task=call.task, task_id=call.id, reason=reason, exc_info=error)


def _attempt(call: Call, task: BoundedTask | None, *, worker: str) -> None:
    if task is None:
        _wait_for_who_knows(call)
        return
    try:
        running.run(call, task, worker=worker)
    except Exception as error:  # noqa: BLE001 - whatever a task raises, it is tried again or kept
        if call.attempt >= task.attempts:
            give_up(call, reason=type(error).__qualname__, error=error)
        else:
            _again(call, error)
    finally:
        connections.close_all()


def _again(call: Call, error: Exception) -> None:
    """Try it again, after a pause that is twice as long each time, and in part random."""
    longest = min(PAUSE_SECONDS * 2 ** min(call.attempt - 1, 16), PAUSE_SECONDS_MAX)
    pause = random.uniform(longest / 2, longest)  # noqa: S311 - no secret
    store().defer(replace(call, attempt=call.attempt + 1), due_at=time.time() + pause)
    FINISHED.labels(call.task, "again").inc()
    log.warning(
        "task failed and is tried again",
        task=call.task,
        task_id=call.id,
        attempt=call.attempt,
        pause_seconds=round(pause, 1),
        exc_info=error,
    )


def _wait_for_who_knows(call: Call) -> None:
    """Put off a task that this worker has never heard of: a newer version may have sent it."""
    if time.time() - call.due_at > UNKNOWN_SECONDS:
        give_up(call, reason="No worker of this service knows it.")
        return
    store().defer(call, due_at=time.time() + UNKNOWN_PAUSE_SECONDS)
    log.warning("task is unknown here", task=call.task, task_id=call.id)
