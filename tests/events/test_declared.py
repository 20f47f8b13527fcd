from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jsonschema
import pytest

from quintet.events.declared import Event, judged, key_of, schema_of
from tests.events.happenings import Placed, PlacedAgain


def test_an_event_names_its_type_and_its_topic():
    assert (PlacedAgain.type(), PlacedAgain.topic()) == ("shop.order.placed.v2", "shop")


def test_a_key_is_a_text():
    assert key_of(Placed(order_id=7)) == "7"


@dataclass(frozen=True, kw_only=True)
class Named(Event):
    name: ClassVar[str] = "shop.order.named"
    key: ClassVar[str] = "word"

    word: str


@pytest.mark.parametrize("word", ["", "x" * 256])
def test_a_key_that_is_none_is_refused(word):
    with pytest.raises(ValueError, match=r"shop\.order\.named has"):
        key_of(Named(word=word))


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"name": "placed"}, "name is 'placed'"),
        ({"name": "Shop.order.placed"}, "name is 'Shop.order.placed'"),
        ({"name": f"shop.{'x' * 100}"}, "name is"),
        ({"key": "colour"}, "key names no field: 'colour'"),
        ({"version": 0}, "versions begin with 1"),
    ],
)
def test_a_class_that_is_declared_wrongly_is_refused(facts, says):
    wrong = type("Wrong", (Placed,), {"__slots__": (), **facts})

    with pytest.raises(TypeError, match=says):
        judged(wrong)


def test_a_class_that_is_no_dataclass_is_refused():
    with pytest.raises(TypeError, match="Plain is no dataclass"):
        judged(type("Plain", (Event,), {}))


def test_a_schema_judges_what_is_sent():
    schema = schema_of(Placed)

    jsonschema.validate({"order_id": 1, "amount": 2}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"order_id": "1"}, schema)
    assert schema["$id"] == "shop.order.placed.v1"
    assert schema["x-partition-key"] == "order_id"
