"""Turn away at once what cannot be done in time, so that the rest is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge

from quintet import conf
from quintet.errors import UnavailableException
from quintet.middleware.doors import TwoDoors
from quintet.middleware.network import PROBES
from quintet.middleware.routes import route_of
from quintet.middleware.streams import follow
from quintet.resilience import deadline
from quintet.resilience.limiter import MOMENT_SECONDS, Limiter, Refusal
from quintet.telemetry import metrics
from quintet.views.errors import envelope_response
from quintet.views.priority import has_priority

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from quintet.middleware.doors import type_of_next

    State = tuple[str, float]

IN_FLIGHT = Gauge(
    "http_requests_in_flight", "Requests that have a place.", multiprocess_mode="livesum"
)
LIMIT = Gauge(
    "http_in_flight_limit", "Places that there are at the moment.", multiprocess_mode="livesum"
)
SHED = Counter("http_requests_shed", "Requests turned away for want of a place.", ["reason"])

RETRY_AFTER_SECONDS = 1
_FIRST_ERROR = 400


class SheddingMiddleware(TwoDoors):
    """Lets ``MAX_IN_FLIGHT`` requests in at once, or fewer while they are slow; 503 to the others.

    Under WSGI, as many may wait a moment for a place, where requests do not take longer than that.
    The probes always pass. When the process is full, the URL is resolved to see whether the view
    has ``priority``. A stream keeps its place until its end.
    """

    def __init__(self, get_response: type_of_next) -> None:
        super().__init__(get_response)
        env = conf.current()
        self.limiter = Limiter(ceiling=env.MAX_IN_FLIGHT, client_share=env.CLIENT_SHARE)
        self._meter = _Meter() if metrics.enabled() else _NullMeter()

    def refuse(self, request: HttpRequest) -> HttpResponseBase | None:
        """Take a place for the request, or answer 503."""
        if request.path in PROBES:
            return None
        client = _client(request)
        refusal = self.limiter.acquire(client)
        if refusal is None:
            return None
        if refusal is not Refusal.CLIENT:
            refusal = self._insist(client, priority=has_priority(request))
            if refusal is None:
                return None
        self._meter.shed(refusal)
        busy = UnavailableException("The service is busy. Try again later.", RETRY_AFTER_SECONDS)
        # The access log has its line; a second one is the last thing that a full process needs.
        return envelope_response(request, busy, logged=True)

    def _insist(self, client: str, *, priority: bool) -> Refusal | None:
        """Ask again, and wait a moment where that holds up a thread and no event loop."""
        if self.is_async:
            return self.limiter.acquire(client, priority=priority)
        seconds = deadline.bounded(MOMENT_SECONDS)
        return self.limiter.wait(client, priority=priority, seconds=seconds)

    def enter(self, request: HttpRequest) -> State | None:
        """Start the clock of a request that has a place; a view may give it another address."""
        if request.path in PROBES:
            return None
        self._meter.entered(self.limiter.limit)
        return _client(request), self.limiter.clock()

    def leave(
        self, request: HttpRequest, response: HttpResponseBase, *, state: State | None
    ) -> HttpResponseBase:
        """Give the place back, or have the stream do so; how fast a client reads tells nothing."""
        if state is None:
            return response
        if response.streaming:
            follow(response, finished=partial(self._finished, state))
            return response
        client, began = state
        method = request.method if request.method in metrics.METHODS else metrics.OTHER_METHOD
        self.limiter.release(
            client,
            route=(method, route_of(request)),
            began=began,
            ok=response.status_code < _FIRST_ERROR,
        )
        self._meter.left()
        return response

    def abandon(self, request: HttpRequest, state: State | None) -> None:  # noqa: ARG002 - a hook
        """Give back the place of a request that nobody waits for any more."""
        if state is not None:
            self._finished(state, 0, None)

    def _finished(self, state: State, _sent: int, _error: Exception | None) -> None:
        self.limiter.release(state[0])
        self._meter.left()


class _Meter:
    """Counts for whoever scrapes, in the process that works: what is live ends with it."""

    def __init__(self) -> None:
        self._limit = 0
        self._shed = {refusal: SHED.labels(refusal.value) for refusal in Refusal}

    def entered(self, limit: int) -> None:
        IN_FLIGHT.inc()
        if limit != self._limit:
            self._limit = limit
            LIMIT.set(limit)

    def left(self) -> None:
        IN_FLIGHT.dec()

    def shed(self, refusal: Refusal) -> None:
        self._shed[refusal].inc()


class _NullMeter(_Meter):
    """Counts nothing."""

    def entered(self, limit: int) -> None:
        pass

    def left(self) -> None:
        pass

    def shed(self, refusal: Refusal) -> None:
        pass


def _client(request: HttpRequest) -> str:
    return getattr(request, "client_ip", "")
