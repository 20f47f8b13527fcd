from __future__ import annotations

import json
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from quintet.views.parsers import DEPTH_MAX, StrictJSONParser


def parse(body: bytes):
    return StrictJSONParser().parse(BytesIO(body))


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": [1, 2.5, null, true, "\\u00e4"]}', {"a": [1, 2.5, None, True, "ä"]}),
        (b"\xef\xbb\xbf{}", {}),
        (b"3", 3),
        (b"18446744073709551615", 2**64 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b'"1234567890123456789012345"', "1234567890123456789012345"),
        (b'{"a": "\\u003a", "b:": ":"}', {"a": ":", "b:": ":"}),
        (b"[" + b"[]," * 100 + b"[]]", [[]] * 101),
        (b"1e300", 1e300),
        (b'"\\ud83d\\ude00"', "😀"),
        (b"[" * DEPTH_MAX + b"]" * DEPTH_MAX, None),
    ],
)
def test_proper_json_is_read(body, value):
    found = parse(body)

    assert value is None or found == value


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not valid JSON"),
        (b"{", "line 1 column 2"),
        (b"{'a': 1}", "not valid JSON"),
        (b"NaN", "NaN is not a number"),
        (b'{"a": Infinity}', "Infinity is not a number"),
        (b"[-Infinity]", "-Infinity is not a number"),
        (b"1e999", "a number is too large"),
        (b"-1e999", "a number is too large"),
        (b"1" * 5000, "a number is too large"),
        (b"18446744073709551616", "a number is too large"),
        (b'{"a": [-9223372036854775809]}', "a number is too large"),
        (b"123456789012345678901234567890", "a number is too large"),
        (b'{"a": 1, "a": 2}', "a key stands twice"),
        (b'[{"b": {"a": 1, "a": 1}}]', "a key stands twice"),
        (b'{"a": 1, "a": 2, "b": "\\u003a"}', "a key stands twice"),
        (b'{"a": 1, "a": 2, "b": "\\u003A"}', "a key stands twice"),
        (b'{"a:": ":", "a\\u003a": 2}', "a key stands twice"),
        (b'{"a": 1, "\\u0061": 2}', "a key stands twice"),
        (b'{"a": {"b": 1}, "a": {}}', "a key stands twice"),
        (b"\xff\xfe", "not UTF-8"),
        (b'"\\ud800"', "half of a surrogate pair"),
        (b'{"\\udfff": 1}', "half of a surrogate pair"),
        (b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1), "nested deeper"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "nested deeper"),
        (b"[" * 1_000 + b"]" * 1_000, "nested deeper"),
        (b'[{"a":' * 40 + b"[]" + b"}]" * 40, "nested deeper"),
        (b"[" * 100_000, "nested deeper"),
        (b"[" * 100_000 + b"]" * 100_000, "nested deeper"),
    ],
    ids=lambda value: value[:12] if isinstance(value, bytes) else None,
)
def test_what_two_readers_would_understand_differently_is_refused(body, why):
    with pytest.raises(ParseError, match=why):
        parse(body)


SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=5)
TREES = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
)


@given(TREES, st.booleans())
def test_what_is_written_is_read(tree, escaped):
    assert parse(json.dumps(tree, ensure_ascii=escaped).encode()) == tree


KEYS = st.sampled_from(['"a"', '"\\u0061"', '"b"', '":"', '"\\u003a"', '"\\u003A"', '"\\u003b"'])


@given(st.lists(st.tuples(KEYS, KEYS), max_size=5))
def test_a_key_is_read_once_however_it_is_written(pairs):
    body = "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
    names = [json.loads(key) for key, _ in pairs]

    if len(set(names)) == len(names):
        assert list(parse(body.encode())) == names
    else:
        with pytest.raises(ParseError, match="a key stands twice"):
            parse(body.encode())
