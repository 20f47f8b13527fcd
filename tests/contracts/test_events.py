"""What may become of an event that has been published, and what its readers may ask of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import pytest

from quintet.contracts import drift, files
from quintet.contracts.promised import Promised
from quintet.contracts.quarrels import quarrels_of
from quintet.events.declared import Event, schema_of
from quintet.fleet.description import Service

KIND = "shop.order.placed.v1"
SHOP = Service(path="shop", publishes=("shop.order.placed",))
POST = Service(path="post", subscribes=("shop.order.placed",))


class Placed(Event):
    name: ClassVar[str] = "shop.order.placed"
    key: ClassVar[str] = "reference"


@dataclass(frozen=True, kw_only=True)
class Promise(Placed):
    reference: str
    amount: int
    way: Literal["post", "van"] = "post"


@dataclass(frozen=True, kw_only=True)
class WithMore(Promise):
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Renamed(Placed):
    reference: str
    total: int = 0
    way: Literal["post", "van"] = "post"


@dataclass(frozen=True, kw_only=True)
class Retyped(Placed):
    reference: str
    amount: str
    way: Literal["post", "van"] = "post"


@dataclass(frozen=True, kw_only=True)
class WithoutOptional(Placed):
    reference: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class WithNeeded(Promise):
    user_id: int


@dataclass(frozen=True, kw_only=True)
class Optional(Placed):
    reference: str
    amount: int | None
    way: Literal["post", "van"] = "post"


@dataclass(frozen=True, kw_only=True)
class WithoutWord(Placed):
    reference: str
    amount: int
    way: Literal["post"] = "post"


@dataclass(frozen=True, kw_only=True)
class OfAnotherKey(Promise):
    key: ClassVar[str] = "amount"


def published(*classes):
    return Promised(openapi={}, publishes={it.type(): schema_of(it) for it in classes}, handles={})


def handled(cls, kind=KIND):
    told = {"pack": {"event": kind, "schema": schema_of(cls)}}
    return Promised(openapi={}, publishes={}, handles=told)


@pytest.fixture
def promised(tmp_path):
    """A root whose contracts promise the event."""
    files.write(files.event_file(tmp_path, KIND), schema_of(Promise))
    return tmp_path


def test_an_event_that_is_as_it_was_has_not_drifted(promised):
    assert list(drift.of_events(promised, "shop", published(Promise))) == []


def test_an_event_that_is_new_has_no_schema_yet(tmp_path):
    (found,) = drift.of_events(tmp_path, "shop", published(Promise))

    assert (found.verdict, found.remedy) == ("new", "quintet events write shop")


def test_a_field_with_a_default_may_be_added(promised):
    (found,) = drift.of_events(promised, "shop", published(WithMore))

    assert (found.verdict, found.breaking) == ("compatible", ())


@pytest.mark.parametrize(
    ("cls", "sentences"),
    [
        (Renamed, ["amount is not promised any more"]),
        (Retyped, ["amount may be string, and was integer"]),
        (WithoutOptional, ["way is not promised any more"]),
        (Optional, ["amount may be null, and was integer"]),
        (WithoutWord, ["way is never van any more"]),
        (
            WithNeeded,
            ["user_id is missing in events that are under way: give it a default"],
        ),
        (OfAnotherKey, ["the key is amount, and was reference: the order is another"]),
    ],
)
def test_what_a_reader_can_stumble_over_needs_another_version(promised, cls, sentences):
    (found,) = drift.of_events(promised, "shop", published(cls))

    assert (found.verdict, list(found.breaking)) == ("breaking", sentences)
    assert "publish a class with version = 2 beside it" in found.remedy


def test_another_version_stands_beside_the_first(promised):
    again = type("PlacedAgain", (Retyped,), {"version": 2})

    (found,) = drift.of_events(promised, "shop", published(Promise, again))

    assert (found.verdict, found.file.name) == ("new", "shop.order.placed.v2.schema.json")


@dataclass(frozen=True, kw_only=True)
class ReadsLess(Placed):
    reference: str
    way: str = "post"


@dataclass(frozen=True, kw_only=True)
class ReadsMore(Placed):
    reference: str
    colour: str


@dataclass(frozen=True, kw_only=True)
class ReadsOptional(Placed):
    reference: str
    way: str


@dataclass(frozen=True, kw_only=True)
class ReadsOther(Placed):
    reference: int


@dataclass(frozen=True, kw_only=True)
class ReadsOneWord(Placed):
    reference: str
    way: Literal["post"] = "post"


def said(root, service, name, told):
    return [one.what for one in quarrels_of(root, name, service=service, promised=told)]


@pytest.mark.parametrize("cls", [Promise, ReadsLess])
def test_a_reader_may_need_less_than_what_is_promised(promised, cls):
    assert said(promised, POST, "post", handled(cls)) == []


@pytest.mark.parametrize(
    ("cls", "sentence"),
    [
        (ReadsMore, "colour, which is not promised"),
        (ReadsOptional, "way, which is not promised"),
        (ReadsOther, "reference as integer, and it may be string"),
        (ReadsOneWord, "way without the word van, which may come"),
    ],
)
def test_a_reader_may_not_need_what_is_not_promised(promised, cls, sentence):
    assert said(promised, POST, "post", handled(cls)) == [f"post.pack reads of {KIND} {sentence}"]


def test_a_version_that_nobody_promises_cannot_be_handled(promised):
    kind = "shop.order.placed.v2"

    assert said(promised, POST, "post", handled(Promise, kind)) == [
        f"post.pack handles {kind}, which nobody promises"
    ]


def test_an_event_that_is_not_published_any_more_is_missed(promised):
    (vanished, stale) = said(promised, SHOP, "shop", published())

    assert vanished == (
        "quintet.yaml says that shop publishes shop.order.placed, and none of its code does"
    )
    assert stale == f"shop does not publish {KIND}, and promises it"


@pytest.mark.parametrize(
    ("told", "what"),
    [
        (published(Promise), "shop publishes shop.order.placed, and quintet.yaml does not say so"),
        (handled(Promise), "shop subscribes shop.order.placed, and quintet.yaml does not say so"),
    ],
)
def test_what_quintet_yaml_does_not_know_is_not_carried_to_anybody(promised, told, what):
    assert what in said(promised, Service(path="shop"), "shop", told)
