"""Tasks in tests of a service: what it has enqueued, without running it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quintet.tasks.backend import TaskBackend

if TYPE_CHECKING:
    from quintet.tasks.calls import Call
    from quintet.tasks.shape import TaskResult

RECORDED: list[Call] = []


class RecordingBackend(TaskBackend):
    """Keeps what was committed, in its order, and runs nothing."""

    supports_defer = True

    def begin(self, call: Call, result: TaskResult[Any]) -> None:  # noqa: ARG002 - as the others
        """Keep it."""
        RECORDED.append(call)
