"""One line in the log for every request, written when its last byte is out."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from quintet import conf
from quintet.middleware import sizes
from quintet.middleware.doors import ABANDONED, TwoDoors
from quintet.middleware.network import PROBES
from quintet.middleware.routes import route_of
from quintet.middleware.streams import follow
from quintet.telemetry.direct import DirectLogger
from quintet.telemetry.fields import fit_text
from quintet.telemetry.logs import get_logger
from quintet.telemetry.metrics import METHODS

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from quintet.middleware.doors import type_of_next

_FAILED = 500
_WITHOUT_BODY = (204, 304)

NAME = "quintet.access"
MESSAGE = "request"

log = get_logger(NAME)
_direct = DirectLogger(NAME)


class AccessLogMiddleware(TwoDoors):
    """Logs method, route, path, status, duration, bytes and the client's address.

    A body that is whole is announced with its length.
    Query strings are left out, since tokens and addresses travel in them. Probes are logged at
    debug, an answer of 500 and above at warning, a stream that broke off at error with its
    traceback, everything else at info.
    """

    def __init__(self, get_response: type_of_next) -> None:
        super().__init__(get_response)
        self._largest = conf.current().MAX_RESPONSE_BYTES

    def enter(self, request: HttpRequest) -> float:  # noqa: ARG002 - the hook's signature
        """Start the clock."""
        return time.perf_counter()

    def leave(
        self, request: HttpRequest, response: HttpResponseBase, *, state: float
    ) -> HttpResponseBase:
        """Log now, or once the stream has ended."""
        if response.streaming:
            status = response.status_code
            follow(response, finished=partial(self._write_stream, request, state, status=status))
        else:
            sent = _measured(response)
            if sent > self._largest:
                sizes.report(request, sent, limit=self._largest)
            write(request, state, status=response.status_code, sent=sent)
        return response

    def abandon(self, request: HttpRequest, state: float) -> None:
        """Log the request that nobody waits for any more."""
        write(request, state, status=ABANDONED, sent=0)

    def _write_stream(
        self,
        request: HttpRequest,
        started: float,
        sent: int,
        error: Exception | None,
        *,
        status: int,
    ) -> None:
        if sent > self._largest:
            sizes.report(request, sent, limit=self._largest)
        fields = _fields(request, started, status=status, sent=sent)
        fields["streamed"] = True
        if error is None:
            _direct.log(_level(request, status), MESSAGE, fields)
        else:
            # The server knows nothing of correlation ids, and takes an OSError for a lost client.
            log.error(MESSAGE, **fields, broken=type(error).__name__, exc_info=error)


def _measured(response: HttpResponseBase) -> int:
    """Count the body and announce it: a server would send it in chunks otherwise."""
    size = len(getattr(response, "content", b""))
    if response.status_code not in _WITHOUT_BODY:
        response.headers.setdefault("Content-Length", str(size))
    return size


def write(request: HttpRequest, started: float, *, status: int, sent: int) -> None:
    """Write the line of a request that began at ``started`` on the performance counter."""
    fields = _fields(request, started, status=status, sent=sent)
    _direct.log(_level(request, status), MESSAGE, fields)


def _fields(request: HttpRequest, started: float, *, status: int, sent: int) -> dict[str, Any]:
    """What a client has sent is fitted for the log; everything else is our own."""
    method = request.method or ""
    known = request.__dict__
    fields = {
        "method": method if method in METHODS else fit_text(method),
        "route": route_of(request),
        "path": fit_text(request.path),
        "status": status,
        "duration_ms": round((time.perf_counter() - started) * 1000, 2),
        "bytes": sent,
        "client_ip": known.get("client_ip", ""),
    }
    if "error_code" in known:
        fields["error_code"] = known["error_code"]
    asked = known.get("queries")
    if asked is not None and asked.count:
        fields["queries"], fields["query_ms"] = asked.count, round(asked.seconds * 1000, 2)
    return fields


def _level(request: HttpRequest, status: int) -> int:
    if request.path in PROBES:
        return logging.DEBUG
    return logging.WARNING if status >= _FAILED else logging.INFO
