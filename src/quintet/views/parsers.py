"""JSON as RFC 8259 means it: no NaN, no key twice, no tower of brackets."""

from __future__ import annotations

import json
from typing import IO, Any, NoReturn

import orjson
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer

PARSED = "_quintet_parsed"
"""Where a request keeps its parsed body, for who has to know what is not to be repeated."""
DEPTH_MAX = 64
SMALLEST, LARGEST = -(2**63), 2**64 - 1
"""Integers between these are read the same everywhere; beyond them many readers round."""

_MOST_DIGITS = 20
_LONG_NUMBER = b"0" * 19
_DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)
_HOLDERS = (dict, list)
_TOO_DEEP = f"The body is nested deeper than {DEPTH_MAX} levels."


class StrictJSONParser(JSONParser):
    """Refuses what two readers would understand differently, and what would exhaust this one."""

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 - DRF's signature
        parser_context: Any = None,
    ) -> Any:
        """Decode a body of UTF-8, the only encoding that JSON has on the wire."""
        parsed = _parsed(stream.read())
        if parser_context is not None:
            request = parser_context["request"]._request  # noqa: SLF001 - Django's own
            request.__dict__[PARSED] = parsed
        return parsed


def _parsed(body: bytes) -> Any:
    try:
        parsed = orjson.loads(body)
    except ValueError:
        return _judged(body)
    return parsed if _is_plain(body, parsed) else _judged(body)


def _is_plain(body: bytes, parsed: Any) -> bool:
    """Tell, in C, that there is nothing in ``body`` that orjson reads and this parser refuses.

    More levels than 64 need more brackets than that. An integer of more than 64 bits has become a
    float. A key that stood twice is one in ``parsed``, so that a colon is missing when it is
    written again; only a colon that was escaped could make up for it.
    """
    return (
        (body.count(b"[") + body.count(b"{") <= DEPTH_MAX or _depth(parsed) <= DEPTH_MAX)
        and _LONG_NUMBER not in body.translate(_DIGITS_AS_ZEROS)
        and (b"\\" not in body or b"\\u003" not in body)
        and body.count(b":") == orjson.dumps(parsed).count(b":")
    )


def _judged(body: bytes) -> Any:
    """Decode once more with every judge present, and say what is wrong if anything is."""
    try:
        parsed = json.loads(
            body.decode("utf-8-sig"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_short,
            object_pairs_hook=_refuse_twins,
        )
    except RecursionError:
        raise ParseError(_TOO_DEEP) from None
    except UnicodeDecodeError:
        raise ParseError("The body is not UTF-8.") from None
    except ValueError as error:
        raise ParseError(f"The body is not valid JSON: {_reason(error)}") from None
    if _depth(parsed) > DEPTH_MAX:
        raise ParseError(_TOO_DEEP)
    _refuse_surrogates(parsed)
    return parsed


class _RefusedError(ValueError):
    """Says why in a sentence that may be shown."""


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, line {error.lineno} column {error.colno}."
    return str(error)


def _refuse_constant(name: str) -> NoReturn:
    raise _RefusedError(f"{name} is not a number.")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in {float("inf"), float("-inf")}:
        raise _RefusedError("a number is too large.")
    return number


def _short(digits: str) -> int:
    if len(digits) > _MOST_DIGITS or not SMALLEST <= int(digits) <= LARGEST:
        raise _RefusedError("a number is too large.")
    return int(digits)


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _RefusedError("a key stands twice in one object.")
    return found


def _depth(parsed: Any) -> int:
    """Count the levels without recursion, and no further than it takes to refuse them."""
    level = [parsed] if type(parsed) in _HOLDERS else []
    depth = 0
    while level and depth <= DEPTH_MAX:
        level = [
            child
            for holder in level
            for child in (holder.values() if type(holder) is dict else holder)
            if type(child) in _HOLDERS
        ]
        depth += 1
    return depth


def _refuse_surrogates(parsed: Any) -> None:
    """Refuse half characters, which no database stores: only they cannot be encoded."""
    try:
        json.dumps(parsed, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ParseError("The body holds half of a surrogate pair.") from None
