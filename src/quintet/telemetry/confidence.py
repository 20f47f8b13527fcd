"""What the running request was told in confidence, and must not be shown however it looks.

Redaction knows a secret by the name beside it, or by its looks. A password that an exception
repeats has neither: ``KeyError('correct horse')``. But the request that brought it had a name for
it, so the very words are looked for in whatever is said while that request runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any

import orjson

from quintet.telemetry.redaction import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHORTEST = 6
"""Shorter words are found by chance in the middle of others."""
MOST = 50

_NO_NAME = r'(?!\w*":)'

Reader = Callable[[Any], Sequence[str]]

_current: ContextVar[Any] = ContextVar("quintet_confidence", default=None)


class _Reading:
    """How the secrets of a request are read: nothing here knows what a request is."""

    reader: Reader | None = None


def read_with(reader: Reader) -> None:
    """Have secrets read by ``reader``, only when there is something to hide them from."""
    _Reading.reader = reader


bind: Callable[[Any], Token[Any]] = _current.set
"""Keeps what this request was told, until ``unbind`` is called with what this returns."""

unbind: Callable[[Token[Any]], None] = _current.reset
"""Puts back what was kept before ``bind``."""


@contextmanager
def running(request: Any) -> Iterator[None]:
    """Bind ``request`` for the length of a ``with`` block."""
    token = bind(request)
    try:
        yield
    finally:
        unbind(token)


def hide(text: str) -> str:
    """Hide in ``text`` the secrets of the running request."""
    for secret in _secrets():
        text = text.replace(secret, HIDDEN)
    return text


def hide_in_json(line: str) -> str:
    """Hide them in the values of a line of JSON, where they are written with its escapes.

    A name stays what it is: somebody's password may well be ``password``.
    """
    for secret in _secrets():
        written = orjson.dumps(secret).decode()[1:-1]
        if written in line:
            line = re.sub(re.escape(written) + _NO_NAME, HIDDEN, line)
    return line


def worth_hiding(texts: Iterable[str]) -> list[str]:
    """Those that are long enough and not too many, none of them before one that it is part of."""
    told = {text for text in texts if len(text) >= SHORTEST}
    return sorted(told, key=len, reverse=True)[:MOST]


def _secrets() -> Sequence[str]:
    request = _current.get()
    if request is None or _Reading.reader is None:
        return ()
    try:
        return _Reading.reader(request)
    except Exception:  # noqa: BLE001 - whatever a client has sent, what is said must be said
        return ()
