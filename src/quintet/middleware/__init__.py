"""What happens to every request before a view sees it, and to every answer after.

``DEFAULT`` is the one order. The outermost comes first: the context is bound before anything can
log, a refused request is still logged and counted, and the envelope goes around everything that
can fail.
"""

from __future__ import annotations

DEFAULT: tuple[str, ...] = (
    "quintet.middleware.context.ContextMiddleware",
    "quintet.middleware.confidence.ConfidenceMiddleware",
    "quintet.middleware.flights.FlightsMiddleware",
    "quintet.middleware.traces.TracesMiddleware",
    "quintet.middleware.access.AccessLogMiddleware",
    "quintet.middleware.metrics.MetricsMiddleware",
    "quintet.middleware.buffer.BufferMiddleware",
    "quintet.middleware.headers.HeadersMiddleware",
    "quintet.middleware.errors.ErrorsMiddleware",
    "quintet.middleware.deadline.DeadlineMiddleware",
    "quintet.middleware.queries.QueriesMiddleware",
    "quintet.middleware.shedding.SheddingMiddleware",
    "quintet.middleware.limits.LimitsMiddleware",
)

__all__ = ["DEFAULT"]
