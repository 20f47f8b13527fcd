from __future__ import annotations

import datetime as dt
import json
import uuid
from collections import OrderedDict
from decimal import Decimal

import pytest
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ErrorDetail
from rest_framework.renderers import JSONRenderer as PlainJSONRenderer
from rest_framework.utils.serializer_helpers import ReturnDict, ReturnList

from quintet.views.renderers import JSONRenderer

UTC = dt.UTC
ELSEWHERE = dt.timezone(dt.timedelta(hours=5, minutes=30))
FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = [
    {"id": 1, "name": "Lampe für Zürich", "price": Decimal("12.50"), "tags": ["a", None, True]},
    dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    dt.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=ELSEWHERE),
    dt.datetime(2026, 1, 2, 3, 4, 5),  # noqa: DTZ001 - naive on purpose
    dt.date(2026, 1, 2),
    dt.time(3, 4, 5, 6),
    dt.timedelta(minutes=3),
    uuid.UUID(int=7),
    b"bytes",
    {"set", "of one"} - {"set"},
    (number for number in range(3)),
    gettext_lazy("later"),
    mark_safe("<b>"),
    ErrorDetail("wrong", code="invalid"),
    ReturnDict({"a": 1}, serializer=None),
    ReturnList([1], serializer=None),
    OrderedDict(b=1, a=2),
    {1: "a key that is no text", None: 2},
    2**70,
    -(2**70),
    "half \ud800 of a pair",
    "line\u2028ends\u2029here",
    "",
    0.1,
    None,
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_it_says_what_drf_says(value):
    again = list(value) if hasattr(value, "__next__") else value

    try:
        expected = PlainJSONRenderer().render(again, "application/json", {})
    except UnicodeEncodeError:
        with pytest.raises(UnicodeEncodeError):
            JSONRenderer().render(again, "application/json", {})
        return

    assert JSONRenderer().render(again, "application/json", {}) == expected


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text()
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    )
)
def test_whatever_json_can_say_comes_back_as_it_was(value):
    rendered = JSONRenderer().render({"it": value}, "application/json", {})

    assert json.loads(rendered) == {"it": value}


def test_a_client_may_ask_for_indentation():
    rendered = JSONRenderer().render({"a": 1}, "application/json; indent=2", {})

    assert rendered == b'{\n  "a": 1\n}'


def test_a_renderer_that_is_asked_to_indent_does():
    assert JSONRenderer().render({"a": 1}, "application/json", {"indent": 1}) == b'{\n "a": 1\n}'


def test_a_float_that_is_not_finite_is_null():
    assert JSONRenderer().render([float("nan"), float("inf")], None, None) == b"[null,null]"


def test_what_nobody_can_encode_is_an_error():
    with pytest.raises(TypeError):
        JSONRenderer().render(object(), None, None)
