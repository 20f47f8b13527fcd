"""Schemas as Python: a frozen dataclass for each object, and an annotation for everything."""

from __future__ import annotations

import keyword
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from quintet.cli import CommandError
from quintet.contracts.schemas import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from quintet.contracts.files import Json

MOST_WORDS: Final = 32
"""A longer list is a code list such as that of currencies: data, and nothing to type in."""
LONGEST_LITERAL: Final = 60
WIDTH: Final = 100

_PLAIN: Final = {"boolean": "bool", "integer": "int", "number": "float", "string": "str"}
_FORMATS: Final = {"date-time": "datetime", "date": "date", "uuid": "UUID"}

Tree = dict[str, Any]
"""The fields that are read, each with those of it; an empty tree reads all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A line of a dataclass."""

    name: str
    annotation: str
    default: str = ""

    @property
    def line(self) -> str:
        """The line."""
        return f"    {self.name}: {self.annotation}{self.default}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A list of words that is too long to stand where it is used."""

    name: str
    words: list[str]
    kinds: tuple[str, ...] = ("Literal",)

    def lines(self) -> Iterator[str]:
        """The list, one word in each line."""
        yield f"{self.name} = Literal["
        yield from (f"    {word}," for word in self.words)
        yield "]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """An object as a dataclass."""

    name: str
    fields: list[Field] = field(default_factory=list)

    @property
    def kinds(self) -> tuple[str, ...]:
        """What its annotations are made of, and itself."""
        return ("dataclass", *(one.annotation for one in self.fields))

    def lines(self) -> Iterator[str]:
        """The class, without what stands around it."""
        yield "@dataclass(frozen=True, slots=True, kw_only=True)"
        yield f"class {self.name}:"
        yield from (one.line for one in self.fields)
        if not self.fields:
            yield "    pass"


class Shapes:
    """The classes of one client, each once, behind those that it is made of."""

    def __init__(self, document: Json) -> None:
        self.found: dict[str, Shape | Words] = {}
        self._trees: dict[str, Tree] = {}
        self._document = document

    def of_answer(self, schema: Json, *, tree: Tree, use: str) -> str:
        """The annotation of an answer, of which so much is read."""
        return _Answers(self, use).annotation(self._part(schema), tree, f"{use}Answer")

    def of_body(self, schema: Json, *, use: str) -> str:
        """The annotation of a body."""
        return _Bodies(self, use).annotation(self._part(schema), {}, f"{use}Body")

    def of_parameter(self, schema: Json) -> str:
        """The annotation of a parameter, which has no fields."""
        return _Bodies(self, "").annotation(self._part(schema), {}, "")

    def words(self, words: list[str], name: str) -> str:
        """The annotation of a list of words: by a name when it is long."""
        annotation = f"Literal[{', '.join(words)}]"
        if len(annotation) <= LONGEST_LITERAL:
            return annotation
        self.found[name] = Words(name=name, words=words)
        return name

    def claim(self, name: str, tree: Tree) -> str:
        """The name of a class with these fields: with a number if others have the name."""
        chosen, number = name, 2
        while self._trees.setdefault(chosen, tree) != tree:
            chosen, number = f"{name}{number}", number + 1
        return chosen

    def _part(self, schema: Json) -> Part:
        return Part(schema=schema, document=self._document)


def tree_of(paths: Iterable[str]) -> Tree:
    """The tree of ``["lines.name", "total"]``."""
    tree: Tree = {}
    for path in paths:
        below = tree
        for step in path.split("."):
            below = below.setdefault(step, {})
    return tree


class _Reader:
    """Reads schemas for one use; what differs between answers and bodies is in the two below."""

    def __init__(self, shapes: Shapes, use: str) -> None:
        self._shapes, self._use = shapes, use

    def annotation(self, part: Part, tree: Tree, name: str) -> str:
        """The annotation of a value; ``name`` is for an object that is read in part."""
        branches = list(part.branches())
        chosen = name if tree else _component(part) or name
        words = [
            self._of_branch(branch, tree, chosen)
            for branch in branches
            if branch.schema.get("type") != "null"
        ]
        null = ["None"] if len(words) < len(branches) else []
        return " | ".join([*dict.fromkeys(words), *null])

    def optional(self, annotation: str) -> tuple[str, str]:
        """The annotation and the default of a field that need not be there."""
        raise NotImplementedError

    def of_words(self, words: list[Any], name: str) -> str:
        """The annotation of a list of words."""
        raise NotImplementedError

    def _of_branch(self, part: Part, tree: Tree, name: str) -> str:
        schema = part.schema
        kind = schema.get("type")
        if kind == "string":
            plain = _FORMATS.get(schema.get("format", ""), "str")
            return self.of_words(schema["enum"], name) if "enum" in schema else plain
        if kind == "array":
            inside = self.annotation(part.sub(schema.get("items", {})), tree, name)
            return f"tuple[{inside}, ...]"
        if kind == "object" and "properties" in schema:
            return self._of_object(part, tree, name)
        if kind == "object":
            rest = schema.get("additionalProperties")
            inside = self.annotation(part.sub(rest), {}, name) if isinstance(rest, dict) else "Any"
            return f"dict[str, {inside}]"
        return _PLAIN.get(str(kind), "Any")

    def _of_object(self, part: Part, tree: Tree, name: str) -> str:
        properties = part.schema["properties"]
        if unknown := [field for field in tree if field not in properties]:
            raise CommandError(
                f"what {self._use} reads has no {unknown[0]}",
                why=f"the contract promises: {', '.join(sorted(properties))}",
                remedy="name a field that is promised in `reads`, and change what uses it",
            )
        chosen = self._shapes.claim(name, tree)
        if chosen not in self._shapes.found:
            shape = self._shapes.found[chosen] = Shape(name=chosen)
            shape.fields.extend(self._field(part, one, tree) for one in tree or sorted(properties))
            self._shapes.found[chosen] = self._shapes.found.pop(chosen)  # behind what it is made of
        return chosen

    def _field(self, part: Part, name: str, tree: Tree) -> Field:
        below = part.sub(part.schema["properties"][name])
        label = _component(below) or _camel(name)
        annotation, default = self.annotation(below, tree.get(name, {}), f"{self._use}{label}"), ""
        if name not in part.schema.get("required", ()):
            annotation, default = self.optional(annotation)
        return Field(name=_identifier(name), annotation=annotation, default=default)


class _Answers(_Reader):
    """An answer may come without what is not promised, and with words that are new."""

    def optional(self, annotation: str) -> tuple[str, str]:
        return _or(annotation, "None"), " = None"

    def of_words(self, words: list[Any], name: str) -> str:  # noqa: ARG002 - any word is read
        return "str"


class _Bodies(_Reader):
    """A body leaves out what is not set, which is another thing than ``None``."""

    def optional(self, annotation: str) -> tuple[str, str]:
        return _or(annotation, "UnsetType"), " = UNSET"

    def of_words(self, words: list[Any], name: str) -> str:
        if len(words) > MOST_WORDS:
            return "str"
        return self._shapes.words([_quoted(word) for word in words], name)


def _component(part: Part) -> str:
    """The name of the component that a schema refers to."""
    schema = part.schema
    if len(schema.get("allOf", ())) == 1:
        schema = schema["allOf"][0]
    if schema.get("type") == "array":
        schema = schema.get("items", {})
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _or(annotation: str, other: str) -> str:
    """The one or the other, with ``None`` last."""
    plain = annotation.removesuffix(" | None")
    null = " | None" if plain != annotation or other == "None" else ""
    return f"{plain}{'' if other == 'None' else f' | {other}'}{null}"


def _identifier(name: str) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise CommandError(
            f"{name!r} cannot be the name of a field in Python",
            remedy="leave it out of `reads`, or let the other service give it another name",
        )
    return name


def _camel(name: str) -> str:
    return "".join(word.title() for word in name.split("_"))


def _quoted(word: Any) -> str:
    text = str(word).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
