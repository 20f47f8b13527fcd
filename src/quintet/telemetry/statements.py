"""What a statement of SQL is, without the values in it: fit to be shown, and the same each time."""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST_READ = 8_192
LONGEST_SHOWN = 2_048

_MASK = "?"
# In the order in which they have to be looked for: a quote in a name or a comment begins no text.
# What is not closed, since it was cut, goes to the end.
_NOT_THE_SHAPE = re.compile(
    r"""
      (?P<name> "(?:[^"]|"")*(?:"|\Z) )
    | (?P<comment> --[^\n]* | /\*.*?(?:\*/|\Z) )
    | [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)
    | '(?:[^']|'')*(?:'|\Z)
    | (?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?:(?P=tag)|\Z)
    | (?<![\w$%])\d[\w.]*
    """,
    re.VERBOSE | re.DOTALL,
)
_LIST = re.compile(r"\((?:(%s|\?)(?:, ?(?:%s|\?))+)\)")
_FIRST_WORD = re.compile(r"\s*\(*\s*([A-Za-z]{1,20})\b")


def shape_of(sql: str) -> str:
    """Return a statement with every value replaced, on one line and bounded.

    Parameters stay ``%s``, and a list of them is one: the shape does not grow with the list.
    """
    return _shape(sql[:LONGEST_READ])


@lru_cache(maxsize=512)
def _shape(sql: str) -> str:
    bare = " ".join(_NOT_THE_SHAPE.sub(_kept, sql).split())
    return _LIST.sub(r"(\1, …)", bare)[:LONGEST_SHOWN]


def _kept(match: re.Match[str]) -> str:
    if match["name"]:
        return match["name"]
    return " " if match["comment"] else _MASK


@lru_cache(maxsize=512)
def operation_of(shape: str) -> str:
    """Return the word that a statement begins with, such as ``SELECT``; empty for none."""
    found = _FIRST_WORD.match(shape)
    return found[1].upper() if found else ""
