"""The body of a request behind an async server, bounded before Django puts it into a file.

Django reads a body to its end before any middleware runs. This stands in front of Django, and a
body that is too large or too slow is cut there; ``LimitsMiddleware`` then answers, so that the
refusal is logged and counted like every other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote_from_bytes

from quintet.middleware.charsets import defused
from quintet.resilience.patience import Patience
from quintet.views.bodies import harmless, limit_for

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]
"""Loosely typed: Django, asgiref and the servers each name these three in a way of their own."""

OVERSIZE = "quintet.oversize"
"""The key of a scope whose body is larger than its value, and was cut."""
LATE = "quintet.late"
"""The key of a scope whose body did not come in time, and was cut."""

_DISCONNECT = "http.disconnect"
_END: Message = {"type": "http.request", "body": b"", "more_body": False}
_PRINTABLE = bytes(range(0x21, 0x7F)).decode()


def bounded(application: Application) -> Application:
    """Put the bound in front of what ``get_asgi_application`` returns."""

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = _readable(scope)
            receive = _Body(scope, receive).receive
        await application(scope, receive, send)

    return called


class _Body:
    """Counts what arrives and how long it takes, and keeps the rest of what was cut from Django."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        self._patience = Patience()
        self._size = 0
        self._ended = False
        if (announced := _announced(scope)) > harmless():
            self._judge(announced)

    async def receive(self) -> Message:
        """Give the next piece, or the end."""
        if self._is_cut():
            return await self._departure() if self._ended else self._end()
        if self._ended:
            return await self._receive()
        try:
            message = await self._in_time()
        except TimeoutError:
            self._scope[LATE] = True
            return self._end()
        self._size += len(message.get("body", b""))
        if self._size > harmless():
            self._judge(self._size)
        if self._is_cut():
            return self._end()
        self._ended = not message.get("more_body", False)
        return message

    async def _in_time(self) -> Message:
        started = time.monotonic()
        async with asyncio.timeout(self._patience.seconds):
            message = await self._receive()
        waited = time.monotonic() - started
        self._patience.account(waited, len(message.get("body", b"")))
        return message

    async def _departure(self) -> Message:
        """Let the client send on, so that it gets to read its refusal, until it leaves."""
        while (message := await self._receive())["type"] != _DISCONNECT:
            pass
        return message

    def _judge(self, size: float) -> None:
        path = self._scope["path"].removeprefix(self._scope.get("root_path", ""))
        limit = limit_for(path, self._scope["method"])
        if size > limit:
            self._scope[OVERSIZE] = limit

    def _is_cut(self) -> bool:
        return OVERSIZE in self._scope or LATE in self._scope

    def _end(self) -> Message:
        self._ended = True
        return _END


def _announced(scope: Scope) -> float:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return float(value)
    return 0


def _readable(scope: Scope) -> Scope:
    """Put right what Django would answer by itself, with a page that nobody has logged."""
    query: bytes = scope.get("query_string", b"")
    if not query.isascii():
        query = quote_from_bytes(query, safe=_PRINTABLE).encode()
    headers = [
        (name, defused(value.decode("latin-1")).encode("latin-1"))
        if name == b"content-type"
        else (name, value)
        for name, value in scope["headers"]
    ]
    return {**scope, "headers": headers, "query_string": query}
