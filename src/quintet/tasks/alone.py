"""A worker without a queue: it runs the tasks that have a rhythm, and nobody sends it others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import connections

from quintet.tasks.schedule import Schedule

if TYPE_CHECKING:
    from threading import Event

    from quintet.tasks.declared import BoundedTask

LOOK_SECONDS: Final = 0.5


def run_rhythms(ending: Event) -> None:
    """Run what is due, one task after another, until told to end."""
    schedule = Schedule(_begin, takes=_always)
    while not ending.wait(LOOK_SECONDS):
        schedule.look()


def _always(_task: str, _span: int, _seconds: float) -> bool:
    """Nobody can be asked who else runs it; a task with a rhythm stands being run twice."""
    return True


def _begin(task: BoundedTask, _seconds: float) -> None:
    try:
        task.enqueue()
    finally:
        connections.close_all()
