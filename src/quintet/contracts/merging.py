"""One schema for all of an ``allOf``, so that what holds together is compared together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quintet.contracts.files import Json

MOST: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
LEAST: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
DESCRIBING: Final = frozenset(
    {
        "title",
        "description",
        "default",
        "example",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "externalDocs",
        "xml",
        "discriminator",
        "$schema",
        "$id",
        "$comment",
        "$defs",
    }
)
FURTHER: Final = "further "
"""Begins a keyword for what one schema cannot say: two patterns, for instance, hold at once."""


def merged(schemas: Sequence[Json]) -> Json:
    """A schema that allows what all of them allow; of what only describes, the last has the word.

    The last one stands beside the others, and says for all of them whether ``null`` is allowed.
    """
    made: Json = {}
    for schema in schemas:
        for name, value in schema.items():
            _add(made, name, value)
    *members, beside = schemas
    made["nullable"] = bool(beside.get("nullable", _take_null(members)))
    return made


def describes(name: str) -> bool:
    """Whether a keyword says nothing about which values are allowed."""
    return name in DESCRIBING or name.startswith("x-")


def _add(made: Json, name: str, value: Any) -> None:
    if name not in made or describes(name):
        made[name] = value
    elif name == "properties":
        made[name] = _fields(made[name], value)
    elif name == "required":
        made[name] = [*made[name], *(it for it in value if it not in made[name])]
    elif name == "enum":
        made[name] = [it for it in made[name] if it in value]
    elif name in MOST or name in LEAST:
        made[name] = (min if name in MOST else max)(made[name], value)
    elif name == "items":
        made[name] = {"allOf": [made[name], value]}
    elif made[name] != value and name != "nullable":
        made[FURTHER + name] = [*made.get(FURTHER + name, ()), value]


def _take_null(schemas: Sequence[Json]) -> bool:
    """Whether all take ``null`` that are for one type only."""
    said = [bool(it.get("nullable")) for it in schemas if "type" in it]
    return bool(said) and all(said)


def _fields(some: Json, others: Json) -> Json:
    both = {name: {"allOf": [some[name], others[name]]} for name in some if name in others}
    return {**some, **others, **both}
