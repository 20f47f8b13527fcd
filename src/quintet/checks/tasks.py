"""Tasks can be run, come to an end before they are taken for lost, and run beside the requests."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import django
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's name

from quintet import conf
from quintet.checks.findings import TAG
from quintet.settings import derive

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quintet.tasks import BoundedTask


@register(TAG)
def tasks_can_be_run(**_: Any) -> list[CheckMessage]:
    """The libraries are there that the backend of ``TASKS`` needs; then the tasks are judged."""
    backend = conf.of_django("TASKS", {}).get("default", {}).get("BACKEND", "")
    if not backend.startswith("quintet."):
        return []
    if missing := _missing(backend):
        return [
            Error(
                f"TASKS names {backend}, but there is no package {missing}.",
                hint="Install quintet[celery].",
                id="quintet.E030",
            )
        ]
    from quintet.tasks.declared import discovered  # late: an optional dependency

    found = discovered()
    return [*_outlive_their_queue(found), *_have_no_queue(found, backend)]


def _missing(backend: str) -> str:
    wanted = [] if django.VERSION >= (6, 0) else ["django_tasks"]
    wanted += ["celery", "redis"] if backend == derive.QUEUED_TASKS else []
    return next((name for name in wanted if find_spec(name) is None), "")


def _outlive_their_queue(found: Mapping[str, BoundedTask]) -> Iterator[CheckMessage]:
    """A task that still runs when the queue gives it to somebody else runs twice at a time."""
    visible = conf.current().TASK_VISIBILITY_SECONDS
    for path, task in found.items():
        if task.longest_seconds >= visible:
            yield Error(
                f"{path} may take {task.longest_seconds:g} s, and TASK_VISIBILITY_SECONDS is "
                f"{visible:g}: it would be given to another worker while it runs.",
                hint="Raise TASK_VISIBILITY_SECONDS, or lower timeout_seconds or TASK_SECONDS.",
                id="quintet.E031",
            )


def _have_no_queue(found: Mapping[str, BoundedTask], backend: str) -> Iterator[CheckMessage]:
    env = conf.current()
    wanted = env.ENABLE_ASYNC_PROCESSING and env.SERVICE_ENVIRONMENT == "production"
    if found and wanted and backend == derive.IMMEDIATE_TASKS:
        yield Warning(
            "ENABLE_ASYNC_PROCESSING is on, and BROKER_URL names no Redis or Valkey: in "
            "production, tasks run where they are enqueued.",
            hint="Set BROKER_URL to redis://… or valkey://…, or ENABLE_ASYNC_PROCESSING to 0.",
            id="quintet.W020",
        )
