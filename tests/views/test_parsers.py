from __future__ import annotations

from io import BytesIO

import pytest
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
        (b"1" * 5000, "too many digits"),
        (b'{"a": 1, "a": 2}', "a key stands twice"),
        (b'[{"b": {"a": 1, "a": 1}}]', "a key stands twice"),
        (b"\xff\xfe", "not UTF-8"),
        (b'"\\ud800"', "half of a surrogate pair"),
        (b'{"\\udfff": 1}', "half of a surrogate pair"),
        (b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1), "nested deeper"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "nested deeper"),
        (b"[" * 100_000, "nested deeper"),
        (b"[" * 100_000 + b"]" * 100_000, "nested deeper"),
    ],
    ids=lambda value: value[:12] if isinstance(value, bytes) else None,
)
def test_what_two_readers_would_understand_differently_is_refused(body, why):
    with pytest.raises(ParseError, match=why):
        parse(body)
