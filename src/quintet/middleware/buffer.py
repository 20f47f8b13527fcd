"""Keep the debug lines of a request until it is known how it ends."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from django.apps import apps
from django.core.exceptions import MiddlewareNotUsed

from quintet import conf
from quintet.middleware import slowness
from quintet.middleware.doors import TwoDoors
from quintet.middleware.network import PROBES
from quintet.middleware.streams import follow
from quintet.telemetry import buffering
from quintet.telemetry.buffering import Buffer

if TYPE_CHECKING:
    from contextvars import Token

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from quintet.middleware.doors import type_of_next

    State = tuple[Buffer, Token[Buffer | None]] | None

_FAILED = 500
_OF_OTHERS = frozenset({"site-packages", "dist-packages"})


class BufferMiddleware(TwoDoors):
    """Writes what was logged below the level when the answer is 500 or above, and forgets it else.

    A stream is over with its last byte: one that breaks off has failed. Probes are left out, since
    a service that is not ready says so every second.
    """

    def __init__(self, get_response: type_of_next) -> None:
        self.most_lines = conf.current().LOG_BUFFER_LINES
        if not self.most_lines:
            raise MiddlewareNotUsed("LOG_BUFFER_LINES is 0: lines below LOG_LEVEL are not kept.")
        buffering.watch(own_packages())
        super().__init__(get_response)

    def enter(self, request: HttpRequest) -> State:
        """Begin to keep."""
        if request.path in PROBES:
            return None
        buffer = Buffer(self.most_lines)
        return buffer, buffering.bind(buffer)

    def leave(
        self,
        request: HttpRequest,
        response: HttpResponseBase,
        *,
        state: State,
    ) -> HttpResponseBase:
        """Write or forget; a stream has its lines kept at every step."""
        if state is None:
            return response
        buffer, token = state
        buffering.unbind(token)
        if buffer.spent is not None:
            request.__dict__[slowness.SPENT] = buffer.spent
        if response.status_code >= _FAILED:
            buffer.write()
        elif response.streaming:
            around = partial(buffering.running, buffer)
            follow(response, around=around, finished=partial(_ended, buffer))
        return response

    def abandon(self, request: HttpRequest, state: State) -> None:  # noqa: ARG002 - a hook
        """Write what led to an end that nobody expected; a client that has left is expected."""
        if state is None:
            return
        buffer, token = state
        buffering.unbind(token)
        if not isinstance(sys.exc_info()[1], asyncio.CancelledError):
            buffer.write()


def own_packages() -> set[str]:
    """The packages of this service: of its URLs, of every app that is not installed, and ours."""
    local = {
        config.name.partition(".")[0]
        for config in apps.get_app_configs()
        if _OF_OTHERS.isdisjoint(Path(config.path).parts)
    }
    return {"quintet", str(conf.of_django("ROOT_URLCONF")).partition(".")[0], *local}


def _ended(buffer: Buffer, _sent: int, error: Exception | None) -> None:
    if error is not None:
        buffer.write()
