"""JSON as RFC 8259 means it: no NaN, no key twice, no tower of brackets."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer

if TYPE_CHECKING:
    from collections.abc import Iterable

DEPTH_MAX = 64


class StrictJSONParser(JSONParser):
    """Refuses what two readers would understand differently, and what would exhaust this one."""

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 - DRF's signature
        parser_context: Any = None,  # noqa: ARG002 - DRF's signature
    ) -> Any:
        """Decode a body of UTF-8, the only encoding that JSON has on the wire."""
        try:
            parsed = json.loads(
                stream.read().decode("utf-8-sig"),
                parse_constant=_refuse_constant,
                parse_float=_finite,
                object_pairs_hook=_refuse_twins,
            )
        except RecursionError:
            raise ParseError(f"The body is nested deeper than {DEPTH_MAX} levels.") from None
        except UnicodeDecodeError:
            raise ParseError("The body is not UTF-8.") from None
        except ValueError as error:
            raise ParseError(f"The body is not valid JSON: {_reason(error)}") from None
        _judge(parsed)
        return parsed


class _RefusedError(ValueError):
    """Says why in a sentence that may be shown."""


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, line {error.lineno} column {error.colno}."
    return str(error) if isinstance(error, _RefusedError) else "a number has too many digits."


def _refuse_constant(name: str) -> NoReturn:
    raise _RefusedError(f"{name} is not a number.")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in {float("inf"), float("-inf")}:
        raise _RefusedError("a number is too large.")
    return number


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _RefusedError("a key stands twice in one object.")
    return found


def _judge(parsed: Any) -> None:
    """Count the levels without recursion, and refuse half characters, which no database stores."""
    level: list[Any] = [parsed]
    depth = 0
    while level:
        _refuse_surrogates(item for item in level if isinstance(item, str))
        holders = [item for item in level if isinstance(item, dict | list)]
        if holders and depth >= DEPTH_MAX:
            raise ParseError(f"The body is nested deeper than {DEPTH_MAX} levels.")
        level = [child for item in holders for child in _children(item)]
        depth += 1


def _children(item: dict[str, Any] | list[Any]) -> list[Any]:
    return [*item.keys(), *item.values()] if isinstance(item, dict) else item


def _refuse_surrogates(texts: Iterable[str]) -> None:
    try:
        for text in texts:
            text.encode()
    except UnicodeEncodeError:
        raise ParseError("The body holds half of a surrogate pair.") from None
