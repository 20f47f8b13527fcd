"""What a service declares in its ``tasks.py``: functions, their limits, and their rhythm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, TypeVar

from django.utils.module_loading import autodiscover_modules

from quintet import conf
from quintet.tasks.shape import InvalidTask, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ATTEMPTS: Final = 8
"""The first and seven more: with the pauses between them, about two minutes."""
CLEAN_UP_SECONDS: Final = 5.0
"""How long after its time a task may still clean up."""
LEAST_EVERY_SECONDS: Final = 1.0

T = TypeVar("T", bound=Task)

_known: dict[str, BoundedTask] = {}
_rhythms: dict[str, Every] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundedTask(Task):
    """A task of Django that does not run for ever, and is not tried for ever.

    ``timeout_seconds`` is what one attempt may take: 0 for ``TASK_SECONDS``.
    """

    attempts: int = ATTEMPTS
    timeout_seconds: float = 0.0

    def __post_init__(self) -> None:
        # Not super(): a dataclass with slots is another class than the one that is written here.
        Task.__post_init__(self)
        if self.attempts < 1:
            raise InvalidTask(f"{self.name} has attempts={self.attempts}: give 1 or more.")
        if not self.timeout_seconds >= 0:
            raise InvalidTask(
                f"{self.name} has timeout_seconds={self.timeout_seconds:g}: give a number above 0, "
                "or 0 for TASK_SECONDS."
            )
        _known.setdefault(self.module_path, self)

    @property
    def limit_seconds(self) -> float:
        """What one attempt may take."""
        return self.timeout_seconds or conf.current().TASK_SECONDS

    @property
    def longest_seconds(self) -> float:
        """When its process is killed, if it has not come to an end by itself."""
        return self.limit_seconds + CLEAN_UP_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """A task that is enqueued once in each span of so many seconds."""

    task: BoundedTask
    seconds: float


def every(*, seconds: float) -> Callable[[T], T]:
    """Declare that the workers of the service enqueue a task without arguments again and again.

    The spans are those of the clock, so one of 86,400 begins at midnight in UTC. However many
    workers there are, one of them enqueues; a span in which none runs is left out. What fails is
    not parked: the next span comes.
    """
    if not seconds >= LEAST_EVERY_SECONDS:
        raise ValueError(
            f"every(seconds={seconds:g}) is no rhythm: give {LEAST_EVERY_SECONDS:g} or more."
        )

    def declare(task: T) -> T:
        if not isinstance(task, BoundedTask):
            raise TypeError(
                f"every() stands above a {type(task).__name__}: write @every(…) above @task, and "
                "TASKS = derive.tasks(env) in settings.py."
            )
        _rhythms[task.module_path] = Every(task=task, seconds=seconds)
        return task

    return declare


def discovered() -> Mapping[str, BoundedTask]:
    """The tasks of all applications that are installed, by their paths."""
    _discover()
    return _known


def rhythms() -> Mapping[str, Every]:
    """What is to be enqueued again and again, by the paths of the tasks."""
    _discover()
    return _rhythms


@cache
def _discover() -> None:
    """Look for them once: who sends a task asks each time."""
    autodiscover_modules("tasks")
