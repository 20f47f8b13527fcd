"""One event, and the one thing that is done about it."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import ClassVar

from quintet.events.declared import Event
from quintet.events.handling import handles
from told.models import Entry

KILLS, FAILS = -1, -2


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted(Event):
    name: ClassVar[str] = "told.thing.counted"
    key: ClassVar[str] = "thing"

    thing: str
    number: int


@handles(Counted, attempts=3)
def enter(event: Counted) -> None:
    """Write it down, unless it is one of those that do harm."""
    Entry.objects.create(thing=event.thing, number=event.number)
    if event.number == KILLS:
        os.kill(os.getpid(), signal.SIGKILL)
    if event.number == FAILS:
        raise ZeroDivisionError
