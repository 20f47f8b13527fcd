"""Where the code of a service and its contract differ, and what is to be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from quintet.contracts import changes, files
from quintet.contracts.schemas import Kind, Part, misfits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from quintet.contracts.files import Json
    from quintet.contracts.promised import Promised

MOST_NAMED: Final = 8

_KEY: Final = "x-partition-key"
_NEW: Final = ("there was no such file",)
_OF_NEW_EVENTS: Final = {
    Kind.MISSING: "{at} is not promised any more",
    Kind.UNKNOWN: "{at} is new, and no other field was to come",
    Kind.TYPE: "{at} may be {given}, and was {expected}",
    Kind.WORD: "{at} is never {given} any more",
    Kind.BOUND: "{at} has {given}, and had {expected}",
}
_OF_OLD_EVENTS: Final = {
    Kind.MISSING: "{at} is missing in events that are under way: give it a default",
    Kind.UNKNOWN: "{at} is in events that are under way",
    Kind.TYPE: "{at} may be {given} in events that are under way, and not {expected}",
    Kind.WORD: "{at} may be {given} in events that are under way",
    Kind.BOUND: "{at} has {given} in events that are under way, and not {expected}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A file that does not say what the code says."""

    file: Path
    wanted: Json
    """What the code says."""
    breaking: tuple[str, ...]
    """What others can stumble over."""
    others: tuple[str, ...]
    """Where else they differ."""
    remedy: str

    @property
    def verdict(self) -> str:
        """The one word that matters."""
        if self.others == _NEW:
            return "new"
        return "breaking" if self.breaking else "compatible"

    def lines(self) -> list[str]:
        """The file, the verdict, and what has changed."""
        said = self.breaking or self.others
        named = [f"  {sentence}" for sentence in said[:MOST_NAMED]]
        more = [f"  and {len(said) - MOST_NAMED} more"] if len(said) > MOST_NAMED else []
        return [f"{self.file.name}: {self.verdict}", *named, *more]


def of_openapi(
    root: Path, service: str, *, wanted: Json, callers: Mapping[str, Sequence[str]] | None = None
) -> Drift | None:
    """What the OpenAPI document of a service has become; ``None`` when it is as it was."""
    file = files.openapi_file(root, service)
    old = files.read(file)
    if old is not None and files.written(old) == files.written(wanted):
        return None
    breaking = changes.breaking(old, wanted, callers=callers) if old else []
    others = changes.differences(old, wanted) if old else _NEW
    remedy = f"quintet openapi write {service}"
    if breaking:
        remedy = (
            "keep the promise, and make another one beside it (/api/v2/…); or, when no caller is "
            f"left: {remedy} --breaking"
        )
    return Drift(
        file=file,
        wanted=wanted,
        breaking=tuple(breaking),
        others=tuple(others),
        remedy=remedy,
    )


def of_events(root: Path, service: str, promised: Promised) -> Iterator[Drift]:
    """What the events of a service have become."""
    for kind, wanted in promised.publishes.items():
        file = files.event_file(root, kind)
        old = files.read(file)
        if old is not None and files.written(old) == files.written(wanted):
            continue
        breaking = _breaking_event(old, wanted) if old else []
        remedy = f"quintet events write {service}"
        if breaking:
            name, _, version = kind.rpartition(".v")
            remedy = (
                f"leave {name} as it was, and publish a class with version = {int(version) + 1} "
                f"beside it; or, if none was ever published, delete {file.name}, then: {remedy}"
            )
        yield Drift(
            file=file,
            wanted=wanted,
            breaking=tuple(breaking),
            others=tuple(changes.differences(old, wanted)) if old else _NEW,
            remedy=remedy,
        )


def _breaking_event(old: Json, new: Json) -> list[str]:
    """What a reader can stumble over, of the new events or of those that are under way."""
    before, now = Part(schema=old, document=old), Part(schema=new, document=new)
    forth = list(misfits(before, now, kept=True))
    known = {misfit.at for misfit in forth}
    back = [misfit for misfit in misfits(now, before) if misfit.at not in known]
    found = [it.said(_OF_NEW_EVENTS) for it in forth] + [it.said(_OF_OLD_EVENTS) for it in back]
    if old.get(_KEY) != new.get(_KEY):
        found.append(f"the key is {new.get(_KEY)}, and was {old.get(_KEY)}: the order is another")
    return found
