"""Say it when an answer is larger than it should be: somebody has forgotten a page, or a filter.

The answer is out or on its way when its size is known, and a part of it is worth less to the
caller than all of it, so it is reported and not cut. Nothing is kept to count it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter

from quintet.middleware.routes import route_of
from quintet.telemetry import metrics
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from django.http import HttpRequest

OVERSIZE = metrics.Series(
    Counter("http_response_oversize", "Answers larger than MAX_RESPONSE_BYTES.", ["endpoint"])
)

log = get_logger("quintet.sizes")


def report(request: HttpRequest, sent: int, *, limit: int) -> None:
    """Log and count an answer of ``sent`` bytes."""
    route = route_of(request)
    log.warning("answer too large", route=route, bytes=sent, limit_bytes=limit)
    if metrics.enabled():
        OVERSIZE.child(route).inc()
