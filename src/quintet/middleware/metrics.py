"""Count and time every request by its route, its method and its status."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from django.core.exceptions import MiddlewareNotUsed

from quintet.database.meter import PoolMeter
from quintet.middleware.doors import ABANDONED, TwoDoors
from quintet.middleware.network import PROBES
from quintet.middleware.routes import route_of
from quintet.middleware.streams import follow
from quintet.telemetry import metrics

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from quintet.middleware.doors import type_of_next


class MetricsMiddleware(TwoDoors):
    """Feeds ``http_requests_total``, ``http_request_duration_seconds`` and ``active_connections``.

    The label ``endpoint`` is the route, ``<unmatched>`` for all unknown URLs together: what a
    client writes never becomes a label. Probes are not counted. With metrics off there is no such
    middleware.
    """

    def __init__(self, get_response: type_of_next) -> None:
        if not metrics.enabled():
            raise MiddlewareNotUsed("ENABLE_METRICS is off.")
        super().__init__(get_response)
        self._recorder = metrics.Using.recorder
        self._pools = PoolMeter()

    def enter(self, request: HttpRequest) -> float | None:
        """Start the clock and count the request as running."""
        if request.path in PROBES:
            return None
        self._recorder.begin()
        return time.perf_counter()

    def leave(
        self, request: HttpRequest, response: HttpResponseBase, *, state: float | None
    ) -> HttpResponseBase:
        """Record now, or once the stream has ended."""
        if state is None:
            return response
        if response.streaming:
            status = response.status_code
            follow(response, finished=lambda *_: self._record(request, state, status=status))
        else:
            self._record(request, state, status=response.status_code)
        return response

    def abandon(self, request: HttpRequest, state: float | None) -> None:
        """Count the request that nobody waits for any more."""
        if state is not None:
            self._record(request, state, status=ABANDONED)

    def _record(self, request: HttpRequest, started: float, *, status: int) -> None:
        self._recorder.end()
        self._recorder.request(
            str(request.method),
            route_of(request),
            status=status,
            duration_seconds=time.perf_counter() - started,
        )
        self._pools.look()
