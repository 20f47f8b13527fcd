"""Count and time every request by its route, its method and its status."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from quintet.middleware.doors import ABANDONED, TwoDoors
from quintet.middleware.network import PROBES
from quintet.middleware.routes import route_of
from quintet.middleware.streams import follow
from quintet.telemetry import metrics

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


class MetricsMiddleware(TwoDoors):
    """Feeds ``http_requests_total``, ``http_request_duration_seconds`` and ``active_connections``.

    The label ``endpoint`` is the route, ``<unmatched>`` for all unknown URLs together: what a
    client writes never becomes a label. Probes are not counted, and nothing is with metrics off.
    """

    def enter(self, request: HttpRequest) -> float | None:
        """Start the clock and count the request as running."""
        if request.path in PROBES or not metrics.enabled():
            return None
        metrics.ACTIVE_CONNECTIONS.inc()
        return time.perf_counter()

    def leave(
        self, request: HttpRequest, response: HttpResponseBase, *, state: float | None
    ) -> HttpResponseBase:
        """Record now, or once the stream has ended."""
        if state is None:
            return response
        record = partial(_record, request, state, status=response.status_code)
        if response.streaming:
            follow(response, finished=lambda *_: record())
        else:
            record()
        return response

    def abandon(self, request: HttpRequest, state: float | None) -> None:
        """Count the request that nobody waits for any more."""
        if state is not None:
            _record(request, state, status=ABANDONED)


def _record(request: HttpRequest, started: float, *, status: int) -> None:
    metrics.ACTIVE_CONNECTIONS.dec()
    metrics.record_request(
        str(request.method),
        route_of(request),
        status=status,
        duration_seconds=time.perf_counter() - started,
    )
