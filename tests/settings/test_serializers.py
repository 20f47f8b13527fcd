from __future__ import annotations

import pickle
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quintet.settings.serializers import JSONSerializer

NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_what_comes_out_is_what_went_in(value):
    stored = JSONSerializer().dumps(value)

    again = JSONSerializer().loads(stored)

    assert again == value
    assert type(again) is type(value)


def test_a_number_is_stored_so_that_the_server_can_count_with_it():
    assert JSONSerializer().dumps(7) == 7
    assert JSONSerializer().loads(b"8") == 8


def test_text_that_looks_like_a_number_stays_text():
    assert JSONSerializer().loads(JSONSerializer().dumps("7")) == "7"


@pytest.mark.parametrize(
    "value", [datetime.now(UTC), Decimal("1.1"), {1: "a"}, object(), {"a"}, b"a", uuid.UUID]
)
def test_what_json_cannot_hold_is_refused_when_it_is_stored(value):
    with pytest.raises(TypeError):
        JSONSerializer().dumps(value)


def test_a_pickle_is_never_read():
    with pytest.raises(orjson.JSONDecodeError):
        JSONSerializer().loads(pickle.dumps({"a": 1}))


@pytest.mark.parametrize("value", [2**70, -(2**63) - 1, [2**64]])
def test_a_number_that_would_come_back_rounded_is_refused(value):
    with pytest.raises(TypeError):
        JSONSerializer().dumps(value)
