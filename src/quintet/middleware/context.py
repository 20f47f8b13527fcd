"""Bind the context of a request before anything else, and unbind it after everything."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

import structlog

from quintet import context
from quintet.middleware.doors import TwoDoors
from quintet.middleware.network import client_ip
from quintet.middleware.streams import follow
from quintet.telemetry.logs import bound_fields

if TYPE_CHECKING:
    from contextvars import Token

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    State = tuple[context.Context, Token[context.Context | None], dict[str, Any]]


_NAMED_BY_CALLERS = (
    ("HTTP_TRACEPARENT", context.TRACE_HEADER),
    ("HTTP_TRACESTATE", context.STATE_HEADER),
    ("HTTP_X_CORRELATION_ID", context.CORRELATION_HEADER.lower()),
)


class ContextMiddleware(TwoDoors):
    """Continues the caller's correlation id, or starts one; every answer carries it.

    Sets ``request.correlation_id`` and ``request.client_ip``. Whatever a thread had bound before,
    with structlog too, is hidden while the request runs and back afterwards, so that nothing leaks
    from one request into the next.
    """

    def enter(self, request: HttpRequest) -> State:
        """Bind what the headers say."""
        meta = request.META
        named = {name: meta[key] for key, name in _NAMED_BY_CALLERS if key in meta}
        bound = context.from_headers(named) if named else context.new()
        known = cast("Any", request)
        known.correlation_id = bound.correlation_id
        known.client_ip = client_ip(request)
        fields = bound_fields()
        if fields:
            structlog.contextvars.clear_contextvars()
        return bound, context.bind(bound), fields

    def leave(
        self,
        request: HttpRequest,  # noqa: ARG002 - the hook's signature
        response: HttpResponseBase,
        *,
        state: State,
    ) -> HttpResponseBase:
        """Name the id in the answer; a stream binds the context again at every step."""
        bound = state[0]
        response.headers[context.CORRELATION_HEADER] = bound.correlation_id
        if response.streaming:
            follow(response, around=partial(context.running, bound))
        _restore(state)
        return response

    def abandon(self, request: HttpRequest, state: State) -> None:  # noqa: ARG002 - a hook
        """Unbind all the same."""
        _restore(state)


def _restore(state: State) -> None:
    _, token, fields = state
    context.unbind(token)
    if bound_fields():
        structlog.contextvars.clear_contextvars()
    if fields:
        structlog.contextvars.bind_contextvars(**fields)
