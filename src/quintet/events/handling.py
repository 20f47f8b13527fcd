"""Who handles which events: functions of a service, declared where they are defined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar
from zlib import crc32

from django.utils.module_loading import autodiscover_modules

from quintet.events.declared import Event, judged
from quintet.events.models import LONGEST_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

ATTEMPTS: Final = 8
"""The first and seven more: with the pauses between them, about two minutes."""

E = TypeVar("E", bound=Event)
H = TypeVar("H", bound="Callable[[Any], None]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """A function, the event that it handles, and what it asks for."""

    name: str
    event: type[Event]
    function: Callable[[Any], None]
    ordered: bool
    concurrency: int
    attempts: int

    def lane(self, key: str, event_id: object) -> int:
        """Which of its lanes an event takes: events of one lane are handled one after another."""
        word = key if self.ordered else str(event_id)
        return crc32(word.encode()) % self.concurrency


class Handlers:
    """The handlers of a service by the type of their event, and by their own name."""

    def __init__(self) -> None:
        self.by_type: dict[str, list[Handler]] = {}
        self.by_name: dict[str, Handler] = {}

    def add(self, handler: Handler) -> None:
        """Add a handler; raises ``ValueError`` for a name that is taken."""
        if handler.name in self.by_name or len(handler.name) > LONGEST_NAME:
            raise ValueError(
                f"A handler is named {handler.name!r} already, or that is too long: the inbox "
                'knows handlers by their names. Give it another one with handles(…, name="…").'
            )
        self.by_name[handler.name] = handler
        self.by_type.setdefault(handler.event.type(), []).append(handler)

    def topics(self) -> list[str]:
        """The services whose events are handled here."""
        return sorted({handler.event.topic() for handler in self.by_name.values()})

    def knows(self, kind: str) -> bool:
        """Whether events of this name are handled here, in this or another version."""
        name = kind.rpartition(".v")[0]
        return any(handler.event.name == name for handler in self.by_name.values())


registry = Handlers()


def handles(  # noqa: PLR0913 - what a handler may ask for
    event: type[Event],
    *,
    ordered: bool = True,
    concurrency: int = 4,
    attempts: int = ATTEMPTS,
    name: str = "",
    among: Handlers = registry,
) -> Callable[[H], H]:
    """Declare a function that handles an event; it stands in ``handlers.py`` of a service.

    It runs in a transaction together with its entry in the inbox: what it writes in the database of
    the service is written once for each event, however often that is delivered. What it does
    elsewhere it may do again. ``ordered`` events of one key are handled one after another, as they
    happened; an event that fails holds up those of its key alone. At most ``concurrency`` are
    handled at once in a process. After so many ``attempts`` an event is a dead letter.
    """

    def declare(function: H) -> H:
        among.add(
            Handler(
                name=name or function.__name__,
                event=judged(event),
                function=function,
                ordered=ordered,
                concurrency=concurrency,
                attempts=attempts,
            )
        )
        return function

    return declare


def discovered() -> Handlers:
    """The handlers of all applications that are installed."""
    autodiscover_modules("handlers")
    return registry
