"""Whether one schema allows more than another: the question behind every breaking change.

Of the schemas of OpenAPI 3.0 and JSON Schema it knows what drf-spectacular and msgspec write; any
other keyword may narrow what is allowed, and has to stay as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from quintet.contracts.merging import LEAST, MOST, describes, merged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quintet.contracts.files import Json

_BOUNDS: Final = (*MOST, *LEAST, "pattern", "format")
_ELSEWHERE: Final = frozenset(
    {"type", "nullable", "enum", "items", "properties", "required", "additionalProperties"}
)
"""Keywords that are compared with others, and not each by itself."""

_NAMES: Final = {bool: "boolean", int: "integer", float: "number", str: "string"}


class Kind(Enum):
    """In which way a value may be none that is expected."""

    MISSING = "a field may be missing"
    UNKNOWN = "a field is not expected at all"
    TYPE = "it may be of another type"
    WORD = "it may be another of a list of words"
    BOUND = "it may lie outside of the bounds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """One thing that is given and not expected."""

    kind: Kind
    at: str
    """The path of the field, as in ``lines[].name``."""
    given: str = ""
    expected: str = ""

    def said(self, sentences: dict[Kind, str]) -> str:
        """The sentence that somebody has for it."""
        return sentences[self.kind].format(
            at=self.at or "it", given=self.given, expected=self.expected
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A schema, and the document that its references are looked up in."""

    schema: Json
    document: Json

    def sub(self, schema: Json) -> Part:
        """A schema of the same document."""
        return Part(schema=schema, document=self.document)

    def resolved(self) -> Part:
        """The schema that is meant: behind a reference, or all of an ``allOf`` in one."""
        part = self
        while True:
            if "$ref" in part.schema:
                part = part.sub(_at(part.document, part.schema["$ref"]))
            elif "allOf" in part.schema:
                members = [part.sub(one).resolved().schema for one in part.schema["allOf"]]
                part = part.sub(merged([*members, _without(part.schema, "allOf")]))
            else:
                return part

    def branches(self) -> Iterator[Part]:
        """The alternatives, each of one type at most."""
        part = self.resolved()
        schema = part.schema
        if schema.get("nullable"):
            yield part.sub({"type": "null"})
            schema = _without(schema, "nullable")
        if name := next((it for it in ("anyOf", "oneOf") if schema.get(it)), None):
            beside = _without(schema, name, *filter(describes, schema))
            for one in schema[name]:
                yield from part.sub({"allOf": [beside, one]} if beside else one).branches()
        elif isinstance(schema.get("type"), list):
            for kind in schema["type"]:
                yield part.sub({**schema, "type": kind})
        elif "enum" in schema and "type" not in schema:
            yield from _by_type_of_words(part)
        else:
            yield part.sub(schema)

    def keyword(self, name: str) -> Any:
        """What a keyword says, with what its references stand for."""
        return _spelled_out(self.schema.get(name), self.document)

    @property
    def name(self) -> str:
        """How the type is called in a sentence."""
        return str(self.schema.get("type", "anything"))


def misfits(expected: Part, given: Part, *, kept: bool = False) -> Iterator[Misfit]:
    """What a value that ``given`` allows may have and ``expected`` does not take.

    With ``kept`` it is the same promise, before and now: what need not be there must not vanish
    either, nor a word of a list, and a new word surprises nobody.
    """
    yield from _Comparison(kept=kept).run(expected, given, "")


class _Comparison:
    """One comparison; it remembers what it is in the middle of, since schemas may go in circles."""

    def __init__(self, *, kept: bool) -> None:
        self._kept = kept
        self._under_way: list[tuple[Json, Json]] = []

    def run(self, expected: Part, given: Part, at: str) -> Iterator[Misfit]:
        pair = (expected.schema, given.schema)
        if pair in self._under_way:
            return
        self._under_way.append(pair)
        for branch in given.branches():
            yield from self._of_branch(list(expected.branches()), branch, at)
        self._under_way.pop()

    def _of_branch(self, expected: list[Part], given: Part, at: str) -> Iterator[Misfit]:
        outcomes = [list(self._fit(one, given, at)) for one in expected if _alike(one, given)]
        if not outcomes:
            names = " or ".join(one.name for one in expected)
            yield Misfit(kind=Kind.TYPE, at=at, given=given.name, expected=names)
        else:
            yield from min(outcomes, key=len)

    def _fit(self, expected: Part, given: Part, at: str) -> Iterator[Misfit]:
        yield from self._words(expected.schema, given.schema, at)
        yield from self._bounds(expected, given, at)
        if given.schema.get("type") == "object":
            yield from self._fields(expected, given, at)
        if given.schema.get("type") == "array":
            items = [one.sub(one.schema.get("items", {})) for one in (expected, given)]
            yield from self.run(items[0], items[1], f"{at}[]")

    def _words(self, expected: Json, given: Json, at: str) -> Iterator[Misfit]:
        for word in (_vanished if self._kept else _unexpected)(expected, given):
            yield Misfit(kind=Kind.WORD, at=at, given=str(word))

    def _bounds(self, expected: Part, given: Part, at: str) -> Iterator[Misfit]:
        for name in expected.schema:
            if name in _ELSEWHERE or _describes_only(name, expected.schema):
                continue
            if name in _BOUNDS and "enum" in given.schema:
                continue
            wanted, got = expected.keyword(name), given.keyword(name)
            if got is None or _exceeds(name, got, wanted):
                said = "none" if got is None else str(got)
                yield Misfit(
                    kind=Kind.BOUND, at=at, given=f"{name} {said}", expected=f"{name} {wanted}"
                )

    def _fields(self, expected: Part, given: Part, at: str) -> Iterator[Misfit]:
        wanted, got = expected.schema.get("properties", {}), given.schema.get("properties", {})
        needed = set(expected.schema.get("required", ()))
        gone = set(wanted) - set(got) if self._kept else set()
        for name in sorted(needed - set(given.schema.get("required", ())) | gone):
            yield Misfit(kind=Kind.MISSING, at=_below(at, name))
        for name in sorted(got):
            if name in wanted:
                below = _below(at, name)
                yield from self.run(expected.sub(wanted[name]), given.sub(got[name]), below)
            elif expected.schema.get("additionalProperties") is False:
                yield Misfit(kind=Kind.UNKNOWN, at=_below(at, name))
        yield from self._other_fields(expected, given, _below(at, "*"))

    def _other_fields(self, expected: Part, given: Part, at: str) -> Iterator[Misfit]:
        rest, other = (_of_other_fields(it.schema) for it in (expected, given))
        if rest is False and isinstance(other, dict):
            yield Misfit(kind=Kind.UNKNOWN, at=at)
        elif isinstance(rest, dict) and isinstance(other, dict):
            yield from self.run(expected.sub(rest), given.sub(other), at)
        elif isinstance(rest, dict) and self._kept and (rest or other is False):
            yield Misfit(kind=Kind.MISSING, at=at)


def _of_other_fields(schema: Json) -> Json | bool | None:
    """The schema of fields without a name, ``False`` where there are none."""
    said: Json | bool | None = schema.get("additionalProperties")
    return {} if said is True else said


def _without(schema: Json, *names: str) -> Json:
    return {name: value for name, value in schema.items() if name not in names}


def _spelled_out(value: Any, document: Json, inside: tuple[str, ...] = ()) -> Any:
    if isinstance(value, list):
        return [_spelled_out(one, document, inside) for one in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if isinstance(reference, str) and reference not in inside:
        return _spelled_out(_at(document, reference), document, (*inside, reference))
    return {name: _spelled_out(one, document, inside) for name, one in value.items()}


def _by_type_of_words(part: Part) -> Iterator[Part]:
    """The alternatives of a list of words that has no type."""
    words = part.schema["enum"]
    for kind in dict.fromkeys(_NAMES.get(type(word), "null") for word in words):
        chosen = [word for word in words if _NAMES.get(type(word), "null") == kind]
        yield part.sub({**part.schema, "type": kind, "enum": chosen})


def _unexpected(expected: Json, given: Json) -> list[Any]:
    if "enum" not in expected:
        return []
    return [word for word in given.get("enum", ["any word"]) if word not in expected["enum"]]


def _vanished(expected: Json, given: Json) -> list[Any]:
    if "enum" not in given:
        return []
    return [word for word in expected.get("enum", ()) if word not in given["enum"]]


def _at(document: Json, reference: str) -> Json:
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return dict(found)


def _alike(expected: Part, given: Part) -> bool:
    wanted, got = expected.schema.get("type"), given.schema.get("type")
    return wanted is None or wanted == got or (wanted, got) == ("number", "integer")


def _exceeds(name: str, got: Any, wanted: Any) -> bool:
    if name in MOST:
        return bool(got > wanted)
    return bool(got < wanted) if name in LEAST else bool(got != wanted)


def _describes_only(name: str, schema: Json) -> bool:
    """Like others, the format of a number: how wide it is, its bounds say too."""
    return describes(name) or (name == "format" and schema.get("type") != "string")


def _below(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name
