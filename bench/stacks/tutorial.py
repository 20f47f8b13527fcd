"""The middleware that tutorials show, faults included: what naive code costs and gets wrong."""

from __future__ import annotations

import json
import logging
import time
import uuid
from typing import TYPE_CHECKING

from prometheus_client import Counter, Histogram

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    View = Callable[[HttpRequest], HttpResponse]

requests = Counter("naive_requests_total", "Requests.", ["method", "endpoint", "status"])
durations = Histogram("naive_request_duration_seconds", "Durations.", ["method", "endpoint"])
log = logging.getLogger("requests")


class CorrelationMiddleware:
    """An id for each request, whatever the caller says."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.correlation_id = str(uuid.uuid4())
        response = self.get_response(request)
        response["X-Correlation-ID"] = request.correlation_id
        return response


class LoggingMiddleware:
    """One line when a request begins, one when it ends."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.time()
        self.say("Request started", request, user_agent=request.META.get("HTTP_USER_AGENT"))
        response = self.get_response(request)
        duration = (time.time() - began) * 1000
        self.say("Request completed", request, status=response.status_code, duration_ms=duration)
        return response

    def say(self, message: str, request: HttpRequest, **fields: object) -> None:
        """Log one JSON object as the message."""
        known = {"method": request.method, "path": request.path, "id": request.correlation_id}
        log.info(json.dumps({"timestamp": time.time(), "message": message, **known, **fields}))


class MetricsMiddleware:
    """Counts by path: a series for every URL that anybody thinks of."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.time()
        response = self.get_response(request)
        requests.labels(request.method, request.path, response.status_code).inc()
        durations.labels(request.method, request.path).observe(time.time() - began)
        return response
