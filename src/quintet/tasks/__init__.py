"""Background work: what may happen a moment later, in another process.

::

    enqueue ─▶ commit ─▶ queue of the service ─▶ worker ─▶ the function
                              ▲                     │
                              └── later ◀── failed ─┴─▶ parked

The names are those of ``django.tasks``, which Django has since 6.0; before, its backport has them.
"""

from __future__ import annotations

from quintet.tasks.declared import BoundedTask, every
from quintet.tasks.shape import InvalidTask, TaskContext, TaskResult, TaskResultStatus, task

__all__ = [
    "BoundedTask",
    "InvalidTask",
    "TaskContext",
    "TaskResult",
    "TaskResultStatus",
    "every",
    "task",
]
