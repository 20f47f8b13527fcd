"""What an event says: a frozen dataclass of the service that publishes, and one of each reader.

A reader declares the fields that it needs, under the same name and version; it does not see others.
Both are held to their types by msgspec, and the schema of a publisher is a file in ``contracts/``.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final, TypeVar

import msgspec

from quintet.events.models import LONGEST_KEY, LONGEST_NAME

_NAME: Final = re.compile(r"(?P<topic>[a-z][a-z0-9_]*)(\.[a-z][a-z0-9_]*){1,3}")

E = TypeVar("E", bound="Event")

_decoders: dict[type[Event], Any] = {}


class Event:
    """Something that has happened, named in the past tense.

    ``name`` begins with the service that publishes it, which is the topic: ``orders.order.placed``.
    ``key`` names the field whose equal values put events in an order: all that happens to one order
    is handled in the order in which it happened. A change that a reader could stumble over is a new
    ``version``, published beside the old one until nobody reads that any more.
    """

    __slots__ = ()

    name: ClassVar[str]
    key: ClassVar[str]
    version: ClassVar[int] = 1

    @classmethod
    def type(cls) -> str:
        """The ``type`` of CloudEvents: ``orders.order.placed.v1``."""
        return f"{cls.name}.v{cls.version}"

    @classmethod
    def topic(cls) -> str:
        """The topic that the event belongs to: the service that publishes it."""
        return cls.name.partition(".")[0]


def judged(cls: type[E]) -> type[E]:
    """Return a class of events that is declared as it should be.

    Raises:
        TypeError: It is no dataclass, or its name, key or version is none.
    """
    fields: Any = getattr(cls, "__dataclass_fields__", None)
    if fields is None:
        raise TypeError(f"{cls.__name__} is no dataclass: write @dataclass(frozen=True, …) above.")
    name = getattr(cls, "name", "")
    if not _NAME.fullmatch(name) or len(cls.type()) > LONGEST_NAME:
        raise TypeError(
            f"{cls.__name__}.name is {name!r}: write the service, the thing and what has happened "
            "to it, as in orders.order.placed."
        )
    if getattr(cls, "key", None) not in fields:
        raise TypeError(f"{cls.__name__}.key names no field: {getattr(cls, 'key', None)!r}.")
    if cls.version < 1:
        raise TypeError(f"{cls.__name__}.version is {cls.version}: versions begin with 1.")
    return cls


def key_of(event: Event) -> str:
    """The key of an event, as a text.

    Raises:
        ValueError: It is empty or too long.
    """
    key = str(getattr(event, event.key))
    if not 1 <= len(key) <= LONGEST_KEY:
        raise ValueError(
            f"The key of {event.name} has {len(key)} characters: 1 to {LONGEST_KEY} are kept."
        )
    return key


def schema_of(cls: type[Event]) -> dict[str, Any]:
    """The JSON Schema of the data of an event, as it stands in ``contracts/``."""
    (found,), components = msgspec.json.schema_components([cls])
    schema: dict[str, Any] = components.get(cls.__name__, found)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": cls.type(),
        "x-partition-key": cls.key,
        **schema,
        **({"$defs": rest} if (rest := _others(components, cls)) else {}),
    }


def _others(components: dict[str, Any], cls: type[Event]) -> dict[str, Any]:
    return {name: schema for name, schema in components.items() if name != cls.__name__}


def decoder_of(cls: type[E]) -> msgspec.json.Decoder[E]:
    """What reads the data of an event, and refuses what has other types."""
    found = _decoders.get(cls)
    if found is None:
        found = _decoders[cls] = msgspec.json.Decoder(cls)
    return found
