"""What travels with a request, from the first byte to the last call that it causes.

A context is bound to the running thread or task. Threads of a pool and generators that run after
the request do not inherit it: whoever starts one of those binds the context there again.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CORRELATION_HEADER = "X-Correlation-ID"
TRACE_HEADER = "traceparent"

_CORRELATION_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
_TRACE_PARENT = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})"
    r"-(?P<parent>(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<rest>-[!-~]{0,128})?"
)
_SAMPLED = 0x01


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The identity of one request across all services that work on it."""

    correlation_id: str
    trace_id: str | None = None
    parent_id: str | None = None
    sampled: bool = False


_current: ContextVar[Context | None] = ContextVar("quintet_context", default=None)


def current() -> Context | None:
    """Return the context that is bound here, if one is."""
    return _current.get()


def bind(context: Context) -> Token[Context | None]:
    """Make ``context`` the current one, until ``unbind`` is called with what this returns."""
    return _current.set(context)


def unbind(token: Token[Context | None]) -> None:
    """Put back what was current before ``bind``."""
    _current.reset(token)


@contextmanager
def running(context: Context) -> Iterator[Context]:
    """Bind ``context`` for the length of a ``with`` block."""
    token = bind(context)
    try:
        yield context
    finally:
        unbind(token)


def new() -> Context:
    """Start a context that comes from nowhere: its correlation id is a new trace id."""
    identity = os.urandom(16).hex()
    return Context(correlation_id=identity, trace_id=identity)


def from_headers(headers: Mapping[str, str]) -> Context:
    """Continue the context of a caller; header names are in lower case.

    A valid ``traceparent`` comes first, then a valid ``X-Correlation-ID``. Anything else was
    written by somebody who is not to be trusted with our log, and a new context is started.
    """
    traced = _from_trace_parent(headers.get(TRACE_HEADER, ""))
    if traced is not None:
        return traced
    given = headers.get(CORRELATION_HEADER.lower(), "")
    if not _CORRELATION_ID.fullmatch(given):
        return new()
    return Context(correlation_id=given, trace_id=given if _TRACE_ID.fullmatch(given) else None)


def _from_trace_parent(value: str) -> Context | None:
    match = _TRACE_PARENT.fullmatch(value)
    if match is None or (match["version"] == "00" and match["rest"] is not None):
        return None
    return Context(
        correlation_id=match["trace"],
        trace_id=match["trace"],
        parent_id=match["parent"],
        sampled=bool(int(match["flags"], 16) & _SAMPLED),
    )


def outgoing_headers() -> dict[str, str]:
    """Name the current context to another service, so that both log the same correlation id.

    Each call gets a parent id of its own. Outside any context a new one is named.
    """
    context = _current.get() or new()
    headers = {CORRELATION_HEADER: context.correlation_id}
    if context.trace_id == context.correlation_id:
        flags = "01" if context.sampled else "00"
        headers[TRACE_HEADER] = f"00-{context.trace_id}-{os.urandom(8).hex()}-{flags}"
    return headers
