"""What travels with a request, from the first byte to the last call that it causes.

A context is bound to the running thread or task. Threads of a pool and generators that run after
the request do not inherit it: whoever starts one of those binds the context there again.

The headers are those of W3C Trace Context, the Recommendation of 2021, and ``X-Correlation-ID``.
"""

from __future__ import annotations

import os
import random
import re
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CORRELATION_HEADER = "X-Correlation-ID"
TRACE_HEADER = "traceparent"
STATE_HEADER = "tracestate"

LONGEST_STATE = 512
"""How many characters of other systems' notes are sent on; what is left out is left out whole."""

_CORRELATION_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
# What follows the flags in a later version is not looked at. A comma would be the seam between two
# headers of which nobody can tell the right one.
_TRACE_PARENT = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})"
    r"-(?P<parent>(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<rest>-[!-+\--~]{0,256})?"
)
_SAMPLED = 0x01

_STATE_MEMBER = re.compile(
    r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[ -+\--<>-~]{0,255}[!-+\--<>-~]"
)
_MOST_MEMBERS = 32
_LONGEST_STATE_READ = _MOST_MEMBERS * (256 + len("=") + 256 + len(","))
_LARGE_MEMBER = 128
_OPTIONAL_WHITESPACE = " \t"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The identity of one request across all services that work on it.

    ``parent_id`` names the operation of the caller, ``span_id`` our own while it is recorded.
    ``sampled`` says whether it is, and asks the services that are called to do the same.
    ``tracestate`` holds the notes of other tracing systems on the way.
    """

    correlation_id: str
    trace_id: str = ""
    parent_id: str | None = None
    span_id: str | None = None
    sampled: bool = False
    tracestate: str = ""

    def __post_init__(self) -> None:
        if not self.trace_id:
            object.__setattr__(self, "trace_id", trace_id_of(self.correlation_id))


_current: ContextVar[Context | None] = ContextVar("quintet_context", default=None)

# An id has to be unlike every other and is no secret: asking the kernel for it costs ten times as
# much. Not the generator of the module random, which anybody may seed.
_ids = random.Random()  # noqa: S311 - as above
os.register_at_fork(after_in_child=_ids.seed)


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
    identity = f"{_ids.getrandbits(128):032x}"
    return Context(correlation_id=identity, trace_id=identity)


def new_span_id() -> str:
    """Return an id for one operation, unlike every other."""
    return f"{_ids.getrandbits(64):016x}"


def trace_id_of(correlation_id: str) -> str:
    """Return the trace of a correlation id: itself when it can be one, or else its digest.

    The digest is the same wherever the id arrives, so no service has to be told of it.
    """
    if _TRACE_ID.fullmatch(correlation_id):
        return correlation_id
    return sha256(correlation_id.encode()).hexdigest()[:32]


def from_headers(headers: Mapping[str, str]) -> Context:
    """Continue the context of a caller; header names are in lower case.

    A valid ``traceparent`` comes first, then a valid ``X-Correlation-ID``. Anything else was
    written by somebody who is not to be trusted with our log, and a new context is started.
    Header lines of the same name are joined by commas, as servers do.
    """
    given = headers.get(CORRELATION_HEADER.lower(), "")
    named = given if _CORRELATION_ID.fullmatch(given) else ""
    parent = _TRACE_PARENT.fullmatch(headers.get(TRACE_HEADER, "").strip(_OPTIONAL_WHITESPACE))
    if parent is not None and (parent["version"] != "00" or parent["rest"] is None):
        return _continued(parent, named, state=headers.get(STATE_HEADER, ""))
    return Context(correlation_id=named) if named else new()


def _continued(parent: re.Match[str], named: str, *, state: str) -> Context:
    """Take over the trace of the caller, and the correlation id if it is one of the same trace."""
    trace_id = parent["trace"]
    return Context(
        correlation_id=named if named and trace_id_of(named) == trace_id else trace_id,
        trace_id=trace_id,
        parent_id=parent["parent"],
        sampled=bool(int(parent["flags"], 16) & _SAMPLED),
        tracestate=_sound(state) if state else "",
    )


def _sound(state: str) -> str:
    """Return a ``tracestate`` as it may be sent on: empty when any of it breaks the rules."""
    if len(state) > _LONGEST_STATE_READ:
        return ""
    members = [each.strip(_OPTIONAL_WHITESPACE) for each in state.split(",")]
    members = [each for each in members if each]
    keys = {each.partition("=")[0] for each in members}
    if len(members) > _MOST_MEMBERS or len(keys) < len(members):
        return ""
    if not all(_STATE_MEMBER.fullmatch(each) for each in members):
        return ""
    return _bounded(members)


def _bounded(members: list[str]) -> str:
    """Join ``members`` to what may be sent: the large ones are left out first, then the last."""
    while len(joined := ",".join(members)) > LONGEST_STATE:
        large = [index for index, each in enumerate(members) if len(each) > _LARGE_MEMBER]
        del members[large[-1] if large else -1]
    return joined


def outgoing_headers() -> dict[str, str]:
    """Name the current context to another service, so that both log the same correlation id.

    The parent is our own span while one is recorded, and otherwise an id for this call alone.
    Outside any context a new one is named.
    """
    context = _current.get() or new()
    parent_id = context.span_id or new_span_id()
    flags = "01" if context.sampled else "00"
    headers = {
        CORRELATION_HEADER: context.correlation_id,
        TRACE_HEADER: f"00-{context.trace_id}-{parent_id}-{flags}",
    }
    if context.tracestate:
        headers[STATE_HEADER] = context.tracestate
    return headers
