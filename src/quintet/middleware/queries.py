"""Count what a request asks of its database, and say when it asks the same again and again."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.core.exceptions import MiddlewareNotUsed

from quintet import conf
from quintet.database import tally
from quintet.database.tally import ComparingTally, Tally
from quintet.middleware.doors import TwoDoors
from quintet.middleware.routes import route_of
from quintet.middleware.streams import follow
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from contextvars import Token

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from quintet.middleware.doors import type_of_next

    State = tuple[Tally, Token[Tally | None]]

ATTRIBUTE = "queries"
"""Where the access line finds the tally of a request."""

REPEATED = "repeated statement"

_WHERE_PEOPLE_LOOK = frozenset({"development", "test"})

log = get_logger("quintet.database")


class QueriesMiddleware(TwoDoors):
    """Counts statements for the access line; without a database it is not there.

    Where people develop and test, it warns of a statement that one request asks more than
    ``MOST_REPEATED`` times: that is a query per row.
    """

    def __init__(self, get_response: type_of_next) -> None:
        if not conf.of_django("DATABASES", {}):
            raise MiddlewareNotUsed("There is no database to ask.")
        looking = conf.current().SERVICE_ENVIRONMENT in _WHERE_PEOPLE_LOOK
        self._tally = ComparingTally if looking else Tally
        super().__init__(get_response)

    def enter(self, request: HttpRequest) -> State:
        """Begin to count."""
        counted = request.__dict__[ATTRIBUTE] = self._tally()
        return counted, tally.bind(counted)

    def leave(
        self, request: HttpRequest, response: HttpResponseBase, *, state: State
    ) -> HttpResponseBase:
        """Stop counting, and go on in a stream."""
        counted, token = state
        tally.unbind(token)
        if response.streaming:
            around = partial(tally.counting, counted)
            follow(response, around=around, finished=lambda *_: self._warn(request, counted))
        elif counted.count:
            self._warn(request, counted)
        return response

    def abandon(self, request: HttpRequest, state: State) -> None:  # noqa: ARG002 - a hook
        """Stop counting all the same."""
        tally.unbind(state[1])

    def _warn(self, request: HttpRequest, counted: Tally) -> None:
        for found in counted.repeated():
            log.warning(
                REPEATED,
                sql=found.shape,
                times=found.count,
                place=found.place,
                route=route_of(request),
            )
