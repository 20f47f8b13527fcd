"""What all ways of running tasks have in common: what they refuse, and when they begin."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from prometheus_client import Counter

from quintet.errors import UnavailableException
from quintet.tasks.calls import call_of
from quintet.tasks.declared import BoundedTask
from quintet.tasks.running import result_of
from quintet.tasks.shape import BaseTaskBackend, task_enqueued
from quintet.telemetry import traces
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from quintet.tasks.calls import Call
    from quintet.tasks.shape import TaskResult

NOT_SENT = Counter(
    "task_lost_total", "Tasks that no queue took after what they are about was committed.", ["task"]
)
ENQUEUED = Counter("task_enqueued_total", "Tasks that were asked for.", ["task"])

log = get_logger("quintet.tasks")


class TaskBackend(BaseTaskBackend):
    """A backend of Django whose tasks begin when what they are about is committed."""

    task_class = BoundedTask
    supports_async_task = True
    supports_priority = True

    def begin(self, call: Call, result: TaskResult[Any]) -> None:
        """Run a task or send it away; raises ``UnavailableException`` where nobody takes it."""
        raise NotImplementedError

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> TaskResult[Any]:
        """Judge a call, and let it begin at the end of the running transaction, or at once.

        Raises:
            InvalidTask: This backend cannot do what the task asks for.
            TypeError: The arguments are not those of the function, or are no JSON.
            ValueError: They are too long.
            UnavailableException: Nobody takes it, and no transaction is running.
        """
        self.validate_task(task)
        with traces.span(f"enqueue {task.name}", kind="producer"):
            call = call_of(task, args, kwargs)
        result = result_of(call, task, worker_ids=[])
        object.__setattr__(result, "enqueued_at", timezone.now())
        ENQUEUED.labels(call.task).inc()
        task_enqueued.send(type(self), task_result=result)
        if transaction.get_connection().in_atomic_block:
            transaction.on_commit(partial(self._begin_late, call, result))
        else:
            self.begin(call, result)
        return result

    def _begin_late(self, call: Call, result: TaskResult[Any]) -> None:
        """Begin after a commit, where an error would lie: what the caller has asked for is done."""
        try:
            self.begin(call, result)
        except UnavailableException:
            NOT_SENT.labels(call.task).inc()
            log.exception("task is lost", task=call.task, task_id=call.id)
