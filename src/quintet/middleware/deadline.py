"""Give every request the instant at which its caller gives up, and keep account of being late."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from django.core.exceptions import MiddlewareNotUsed

from quintet import conf
from quintet.errors import Kind
from quintet.middleware.doors import TwoDoors
from quintet.middleware.network import PROBES
from quintet.middleware.streams import follow
from quintet.resilience import deadline
from quintet.views.errors import STATUS, envelope_response
from quintet.views.timeouts import ATTRIBUTE, ends_at
from quintet.views.translation import translate

if TYPE_CHECKING:
    from contextvars import Token

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from quintet.middleware.doors import type_of_next

_HEADER = f"HTTP_{deadline.HEADER.upper().replace('-', '_')}"


class DeadlineMiddleware(TwoDoors):
    """Binds ``REQUEST_TIMEOUT_SECONDS``, or less where the caller's header says so.

    A view may have a time of its own, with ``quintet.views.timeouts.timeout``. An answer that comes
    too late is sent all the same, since its work is done and asking again would do it twice; it is
    counted. Without a time-out this middleware is not there.
    """

    def __init__(self, get_response: type_of_next) -> None:
        self.seconds = conf.current().REQUEST_TIMEOUT_SECONDS
        if not self.seconds:
            raise MiddlewareNotUsed("REQUEST_TIMEOUT_SECONDS is 0: requests have no deadline.")
        super().__init__(get_response)

    def refuse(self, request: HttpRequest) -> HttpResponseBase | None:
        """Answer 504 to a caller who has given up already."""
        if request.META.get(_HEADER) == "0" and request.path not in PROBES:
            return envelope_response(request, deadline.exceeded("request"))
        return None

    def enter(self, request: HttpRequest) -> Token[float | None]:
        """Bind the deadline."""
        given = request.META.get(_HEADER)
        patience = None if given is None else deadline.from_header(given)
        budget = request.__dict__[ATTRIBUTE] = time.monotonic(), patience
        return deadline.bind(ends_at(budget, self.seconds))

    def leave(
        self,
        request: HttpRequest,  # noqa: ARG002 - the hook's signature
        response: HttpResponseBase,
        *,
        state: Token[float | None],
    ) -> HttpResponseBase:
        """Unbind it; a stream has it at every step. What the view has made of it counts."""
        instant = deadline.ends_at()
        deadline.unbind(state)
        if response.streaming:
            follow(
                response,
                around=partial(deadline.running, instant),
                finished=partial(_account_stream, instant),
            )
        else:
            _account(instant, status=response.status_code)
        return response

    def abandon(self, request: HttpRequest, state: Token[float | None]) -> None:  # noqa: ARG002 - a hook
        """Unbind all the same."""
        deadline.unbind(state)


def _account(instant: float | None, *, status: int) -> None:
    """Add up the time that was worked for nobody, and count an answer that came too late."""
    over = 0.0 if instant is None else time.monotonic() - instant
    if over > 0:
        deadline.OVERRUN.inc(over)
        if status != STATUS[Kind.DEADLINE]:
            deadline.count("answer")


def _account_stream(instant: float | None, _bytes: int, error: Exception | None) -> None:
    given_up = error is not None and translate(error).kind is Kind.DEADLINE
    _account(instant, status=STATUS[Kind.DEADLINE if given_up else Kind.SERVICE])
