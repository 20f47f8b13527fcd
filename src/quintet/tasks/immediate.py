"""Tasks that run where they are enqueued: what ``ENABLE_ASYNC_PROCESSING=0`` gives."""

from __future__ import annotations

from traceback import format_exception
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone

from quintet.tasks import running
from quintet.tasks.backend import TaskBackend
from quintet.tasks.shape import TaskError, TaskResultStatus, task_finished, task_started

if TYPE_CHECKING:
    from quintet.tasks.calls import Call
    from quintet.tasks.shape import TaskResult

HERE: Final = "here"


class ImmediateBackend(TaskBackend):
    """Runs a task once, in the thread that commits what it is about.

    What the task raises does not reach the caller, whose work is done: it is logged, and the result
    says so.
    """

    def begin(self, call: Call, result: TaskResult[Any]) -> None:
        """Run it."""
        task: Any = result.task
        with running.carrying(call):
            _note(result, status=TaskResultStatus.RUNNING, started_at=timezone.now())
            result.worker_ids.append(HERE)
            task_started.send(type(self), task_result=result)
            try:
                _note(result, _return_value=running.run(call, task, worker=HERE))
                _note(result, status=TaskResultStatus.SUCCESSFUL)
            except Exception as error:  # noqa: BLE001 - as a worker, which the caller never sees
                _note(result, status=TaskResultStatus.FAILED)
                result.errors.append(_error_of(error))
                running.FINISHED.labels(call.task, "failed").inc()
                running.log.error("task failed", task=call.task, task_id=call.id, exc_info=error)
            _note(result, finished_at=timezone.now())
            task_finished.send(type(self), task_result=result)


def _note(result: TaskResult[Any], **facts: Any) -> None:
    """Fill in a result of Django, which is frozen for everybody else."""
    for name, value in facts.items():
        object.__setattr__(result, name, value)


def _error_of(error: Exception) -> TaskError:
    kind = type(error)
    return TaskError(
        exception_class_path=f"{kind.__module__}.{kind.__qualname__}",
        traceback="".join(format_exception(error)),
    )
