"""Where the code, the contract and quintet.yaml say different things of an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from quintet.contracts import files
from quintet.contracts.schemas import Kind, Part, misfits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from quintet.contracts.files import Json
    from quintet.contracts.promised import Promised
    from quintet.fleet.description import Service

_OF_READERS: Final = {
    Kind.MISSING: "{at}, which is not promised",
    Kind.UNKNOWN: "nothing but what it names, and {at} comes as well",
    Kind.TYPE: "{at} as {expected}, and it may be {given}",
    Kind.WORD: "{at} without the word {given}, which may come",
    Kind.BOUND: "{at} with {expected}, and it has {given}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarrel:
    """Two that contradict each other, and what ends it."""

    what: str
    remedy: str


def quarrels_of(
    root: Path, name: str, *, service: Service, promised: Promised
) -> Iterator[Quarrel]:
    """What is contradictory about the events of one service, once its own schemas are written."""
    yield from _unlike_description(
        name,
        "publishes",
        said=service.publishes,
        done=(_name_of(kind) for kind in promised.publishes),
    )
    yield from _unlike_description(
        name,
        "subscribes",
        said=service.subscribes,
        done=(_name_of(handler["event"]) for handler in promised.handles.values()),
    )
    for file in files.event_files(root, name):
        if files.kind_of(file) not in promised.publishes:
            yield Quarrel(
                what=f"{name} does not publish {files.kind_of(file)}, and promises it",
                remedy=f"publish it again; or, when nobody handles it, delete {file}",
            )
    for handler, told in promised.handles.items():
        yield from _unread(root, f"{name}.{handler}", told["event"], reads=told["schema"])


def _unlike_description(
    name: str, word: str, *, said: Iterable[str], done: Iterable[str]
) -> Iterator[Quarrel]:
    names, used = set(said), set(done)
    for event in sorted(names ^ used):
        what = f"{name} {word} {event}, and quintet.yaml does not say so"
        if event in names:
            what = f"quintet.yaml says that {name} {word} {event}, and none of its code does"
        yield Quarrel(
            what=what,
            remedy=f"let services.{name}.{word} in quintet.yaml and the code of {name} agree",
        )


def _unread(root: Path, handler: str, kind: str, *, reads: Json) -> Iterator[Quarrel]:
    """What a handler reads and nobody promises it."""
    file = files.event_file(root, kind)
    promised = files.read(file)
    if promised is None:
        yield Quarrel(
            what=f"{handler} handles {kind}, which nobody promises",
            remedy=f"handle a version that is in {file.parent}, or let somebody publish this one",
        )
        return
    expected = Part(schema=reads, document=reads)
    for misfit in misfits(expected, Part(schema=promised, document=promised)):
        yield Quarrel(
            what=f"{handler} reads of {kind} {misfit.said(_OF_READERS)}",
            remedy=f"let its class say what {file.name} says",
        )


def _name_of(kind: str) -> str:
    return kind.rpartition(".v")[0]
