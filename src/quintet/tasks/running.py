"""One run of a task, wherever it happens: its context, its time, and what is told of it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from prometheus_client import Counter, Histogram

from quintet import context
from quintet.resilience import deadline
from quintet.tasks.shape import TaskContext, TaskResult, TaskResultStatus
from quintet.telemetry import traces
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quintet.tasks.calls import Call
    from quintet.tasks.declared import BoundedTask

FINISHED = Counter(
    "task_runs_total",
    "Runs of tasks by what became of them: succeeded, again, parked or failed.",
    ["task", "outcome"],
)
SECONDS = Histogram("task_run_seconds", "How long runs of tasks took.", ["task"])
WAITED = Histogram(
    "task_wait_seconds",
    "From the moment a task could run until it did, at its first try.",
    ["task"],
)

log = get_logger("quintet.tasks")


@contextmanager
def carrying(call: Call) -> Iterator[None]:
    """Bind what travels with a call, so that every line about it has its correlation id."""
    with context.running(call.context()):
        yield


def run(call: Call, task: BoundedTask, *, worker: str) -> Any:
    """Run a task once, with a time of its own; raises what it raises."""
    began = time.monotonic()
    if call.attempt == 1:
        WAITED.labels(call.task).observe(max(0.0, time.time() - call.due_at))
    log.info("task started", task=call.task, task_id=call.id, attempt=call.attempt)
    try:
        with (
            deadline.running(began + task.limit_seconds),
            traces.whole(f"run {task.name}", kind="consumer") as span,
        ):
            if span.recording:
                span.describe({"messaging.message.id": call.id, "task.attempt": call.attempt})
            value = task.call(*_arguments(call, task, worker=worker), **call.kwargs)
    finally:
        took = time.monotonic() - began
        SECONDS.labels(call.task).observe(took)
    FINISHED.labels(call.task, "succeeded").inc()
    log.info("task succeeded", task=call.task, task_id=call.id, seconds=round(took, 4))
    return value


def result_of(call: Call, task: BoundedTask, *, worker_ids: list[str]) -> TaskResult[Any]:
    """What Django tells of a call that has not run to its end."""
    return TaskResult(
        task=task,
        id=call.id,
        status=TaskResultStatus.RUNNING if worker_ids else TaskResultStatus.READY,
        enqueued_at=None,
        started_at=None,
        last_attempted_at=None,
        finished_at=None,
        args=call.args,
        kwargs=call.kwargs,
        backend=task.backend,
        errors=[],
        worker_ids=worker_ids,
    )


def _arguments(call: Call, task: BoundedTask, *, worker: str) -> list[Any]:
    if not task.takes_context:
        return call.args
    running = result_of(call, task, worker_ids=[worker] * call.attempt)
    return [TaskContext(task_result=running), *call.args]
