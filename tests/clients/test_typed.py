from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
import pytest
from msgspec import UNSET, UnsetType

from quintet.clients.typed import answered, written
from quintet.errors import ExternalServiceException, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    id: int
    lines: tuple[Line, ...]
    placed_at: datetime
    note: str | None = None


ANSWER = {"id": 7, "lines": [{"quantity": 2}], "placed_at": "2026-01-05T10:00:00Z"}
READ = Order(id=7, lines=(Line(quantity=2),), placed_at=datetime(2026, 1, 5, 10, tzinfo=UTC))


def test_an_answer_is_read_as_it_was_promised():
    assert answered(ANSWER, Order, service="orders") == READ


def test_what_an_answer_has_besides_is_not_looked_at():
    more = {**ANSWER, "colour": "red", "lines": [{"quantity": 2, "price": 5}]}

    assert answered(more, Order, service="orders") == READ


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (None, "Expected `object`, got `null`"),
        ([], "Expected `object`, got `array`"),
        ({**ANSWER, "id": "7"}, r"\$\.id"),
        ({**ANSWER, "id": True}, r"\$\.id"),
        ({**ANSWER, "id": 7.5}, r"\$\.id"),
        ({**ANSWER, "id": None}, r"\$\.id"),
        ({**ANSWER, "lines": [{}]}, r"`quantity` - at `\$\.lines\[0\]`"),
        ({**ANSWER, "placed_at": "yesterday"}, r"\$\.placed_at"),
        ({name: value for name, value in ANSWER.items() if name != "id"}, "`id`"),
    ],
)
def test_an_answer_that_was_not_promised_is_the_fault_of_the_other_service(answer, says):
    with pytest.raises(ExternalServiceException, match=says) as raised:
        answered(answer, Order, service="orders")

    assert (raised.value.kind, raised.value.origin) == (Kind.EXTERNAL, "orders")
    assert raised.value.message.startswith("orders answered with what its contract does not say")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    lines: tuple[Line, ...] = ()
    note: str | UnsetType | None = UNSET


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (Change(lines=(Line(quantity=1),)), {"lines": [{"quantity": 1}]}),
        (Change(note=None), {"lines": [], "note": None}),
        (None, None),
    ],
)
def test_a_body_leaves_out_what_is_not_set(body, sent):
    assert orjson.loads(orjson.dumps(written(body))) == sent
