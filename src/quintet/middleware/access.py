"""One line in the log for every request, written when its last byte is out."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from quintet.middleware.doors import ABANDONED, TwoDoors
from quintet.middleware.network import PROBES
from quintet.middleware.routes import route_of
from quintet.middleware.streams import follow
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_FAILED = 500
_WITHOUT_BODY = (204, 304)

log = get_logger("quintet.access")


class AccessLogMiddleware(TwoDoors):
    """Logs method, route, path, status, duration, bytes and the client's address.

    A body that is whole is announced with its length.
    Query strings are left out, since tokens and addresses travel in them. Probes are logged at
    debug, an answer of 500 and above at warning, a stream that broke off at error with its
    traceback, everything else at info.
    """

    def enter(self, request: HttpRequest) -> float:  # noqa: ARG002 - the hook's signature
        """Start the clock."""
        return time.perf_counter()

    def leave(
        self, request: HttpRequest, response: HttpResponseBase, *, state: float
    ) -> HttpResponseBase:
        """Log now, or once the stream has ended."""
        write = partial(_write, request, state, status=response.status_code)
        if response.streaming:
            follow(response, finished=partial(_write_stream, write))
        else:
            write(sent=_measured(response))
        return response

    def abandon(self, request: HttpRequest, state: float) -> None:
        """Log the request that nobody waits for any more."""
        _write(request, state, status=ABANDONED, sent=0)


def _write_stream(write: Callable[..., None], sent: int, error: Exception | None) -> None:
    if error is None:
        write(sent=sent, streamed=True)
    else:
        # The server knows nothing of correlation ids, and takes an OSError for a lost client.
        write(sent=sent, streamed=True, broken=type(error).__name__, exc_info=error)


def _measured(response: HttpResponseBase) -> int:
    """Count the body and announce it: a server would send it in chunks otherwise."""
    size = len(getattr(response, "content", b""))
    if response.status_code not in _WITHOUT_BODY:
        response.headers.setdefault("Content-Length", str(size))
    return size


def _write(request: HttpRequest, started: float, *, status: int, sent: int, **extra: Any) -> None:
    code = getattr(request, "error_code", None)
    if code is not None:
        extra["error_code"] = code
    log.log(
        logging.ERROR if "broken" in extra else _level(request, status),
        "request",
        method=request.method,
        route=route_of(request),
        path=request.path,
        status=status,
        duration_ms=round((time.perf_counter() - started) * 1000, 2),
        bytes=sent,
        client_ip=getattr(request, "client_ip", ""),
        **extra,
    )


def _level(request: HttpRequest, status: int) -> int:
    if request.path in PROBES:
        return logging.DEBUG
    return logging.WARNING if status >= _FAILED else logging.INFO
