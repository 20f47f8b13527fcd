"""What has changed between two OpenAPI documents, and whether a caller can stumble over it.

An answer may gain fields and words; a request may be allowed more. The other way round it breaks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from quintet.contracts.schemas import Kind, Part, misfits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from quintet.contracts.files import Json

METHODS: Final = ("get", "post", "put", "patch", "delete")
JSON: Final = "application/json"

_OF_ANSWERS: Final = {
    Kind.MISSING: "{at} is not promised any more",
    Kind.UNKNOWN: "{at} is new, and no other field was to come",
    Kind.TYPE: "{at} may be {given}, and was {expected}",
    Kind.WORD: "{at} is never {given} any more",
    Kind.BOUND: "{at} has {given}, and had {expected}",
}
_OF_REQUESTS: Final = {
    Kind.MISSING: "{at} has to be given",
    Kind.UNKNOWN: "{at} is not taken any more",
    Kind.TYPE: "{at} may not be {given} any more, only {expected}",
    Kind.WORD: "{at} may not be {given} any more",
    Kind.BOUND: "{at} is held to {expected}, and was to {given}",
}


def breaking(
    old: Json, new: Json, *, callers: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    """What a caller who knows the old document can stumble over, one sentence each.

    ``callers`` says who calls an operation; they stand behind its name.
    """
    now, known = operations(new), callers or {}
    found = []
    for name, operation in operations(old).items():
        title = f"{name}, which {' and '.join(known[name])} calls" if name in known else name
        if name not in now:
            found.append(f"{title}: it is gone")
        else:
            of_one = _Operations(_Side(operation, old), _Side(now[name], new)).breaking()
            found += [f"{title}: {sentence}" for sentence in of_one]
    return found


def differences(old: Any, new: Any, at: str = "") -> Iterator[str]:
    """Where two documents differ, each place by its path."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            below = f"{at} > {name}" if at else name
            if name not in new:
                yield f"{below} is gone"
            elif name not in old:
                yield f"{below} is new"
            else:
                yield from differences(old[name], new[name], below)
    elif old != new:
        yield f"{at} is another"


def operations(document: Json) -> dict[str, Json]:
    """The operations of a document by their names, as in ``GET /api/v1/users/{id}/``."""
    return {
        f"{method.upper()} {path}": told
        for path, methods in document.get("paths", {}).items()
        for method, told in methods.items()
        if method in METHODS
    }


def answers_of(operation: Json) -> dict[str, Json | None]:
    """The schema of each answer that is a success, ``None`` for one without a body, by status."""
    return {
        status: answer.get("content", {}).get(JSON, {}).get("schema")
        for status, answer in operation["responses"].items()
        if status.startswith("2")
    }


def body_of(operation: Json) -> Json | None:
    """The schema of the body that an operation takes."""
    schema: Json | None = (
        operation.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema")
    )
    return schema


class _Side:
    """An operation in its document."""

    def __init__(self, operation: Json, document: Json) -> None:
        self.operation, self.document = operation, document
        named = operation.get("parameters", [])
        self.parameters = {f"{it['in']} {it['name']}": it for it in named}
        self.body, self.answers = body_of(operation), answers_of(operation)

    @property
    def needs_body(self) -> bool:
        return bool(self.operation.get("requestBody", {}).get("required"))

    @property
    def is_public(self) -> bool:
        security = self.operation.get("security", self.document.get("security", []))
        return not security or {} in security

    def part(self, schema: Json) -> Part:
        return Part(schema=schema, document=self.document)


class _Operations:
    """The same operation, before and now."""

    def __init__(self, old: _Side, new: _Side) -> None:
        self.old, self.new = old, new

    def breaking(self) -> Iterator[str]:
        if self.old.is_public and not self.new.is_public:
            yield "it needs a token"
        yield from self._parameters()
        yield from self._body()
        yield from self._answers()

    def _parameters(self) -> Iterator[str]:
        for name, parameter in self.new.parameters.items():
            known = self.old.parameters.get(name, {})
            if parameter.get("required") and not known.get("required"):
                yield f"the parameter {name} has to be given"
        for name, parameter in self.old.parameters.items():
            if name not in self.new.parameters:
                yield f"the parameter {name} is gone"
            else:
                now = self.new.parameters[name]
                found = self._narrowed(parameter["schema"], now["schema"])
                yield from (f"the parameter {name}: {it}" for it in found)

    def _body(self) -> Iterator[str]:
        if self.new.needs_body and not self.old.needs_body:
            yield "a body has to be sent"
        if self.old.body is not None and self.new.body is None:
            yield "no body is taken any more"
        elif self.old.body is not None and self.new.body is not None:
            found = self._narrowed(self.old.body, self.new.body)
            yield from (f"in the body {it}" for it in found)

    def _answers(self) -> Iterator[str]:
        for status, schema in self.old.answers.items():
            if status not in self.new.answers:
                yield f"it does not answer {status} any more"
            elif schema is not None:
                now = self.new.answers[status]
                if now is None:
                    yield f"the answer {status} has no body any more"
                    continue
                found = misfits(self.old.part(schema), self.new.part(now), kept=True)
                yield from (f"in the answer {status} {it.said(_OF_ANSWERS)}" for it in found)
        yield from self._new_answers()

    def _new_answers(self) -> Iterator[str]:
        """A caller reads any success as one of those that it knows."""
        still = [it for status, it in self.old.answers.items() if status in self.new.answers]
        if not still or None in still:
            return
        known = [self.old.part(schema) for schema in still if schema is not None]
        for status in sorted(self.new.answers.keys() - self.old.answers.keys()):
            said = f"it may answer {status} now"
            answer = self.new.answers[status]
            if answer is None:
                yield f"{said}, which has no body"
                continue
            now = self.new.part(answer)
            found = min((self._unlike(it, now) for it in known), key=len)
            yield from (f"{said}, and in it {sentence}" for sentence in found)

    @staticmethod
    def _unlike(known: Part, now: Part) -> list[str]:
        """How an answer differs from another; it need not have all words of a list."""
        found = misfits(known, now, kept=True)
        return [it.said(_OF_ANSWERS) for it in found if it.kind is not Kind.WORD]

    def _narrowed(self, old: Json, new: Json) -> Iterator[str]:
        found = misfits(self.new.part(new), self.old.part(old))
        return (misfit.said(_OF_REQUESTS) for misfit in found)
