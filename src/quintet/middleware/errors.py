"""The envelope around every answer that is an error, whoever wrote it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from django.core.signals import got_request_exception

from quintet.middleware.doors import TwoDoors
from quintet.views.errors import envelope_response, from_status, is_settled

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_FIRST_ERROR = 400
_KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")


class ErrorsMiddleware(TwoDoors):
    """Turns errors that views raise, and error pages that anybody else made, into the envelope.

    Django answers unknown URLs, wrong hosts and failing middleware with pages of its own, and with
    more telling ones when DEBUG is on. All of them leave here in the same shape; the log has the
    rest.
    """

    def enter(self, request: HttpRequest) -> None:
        """Begin to take notice of what is raised further in."""
        request.__dict__["_quintet_exception"] = None

    def process_exception(
        self,
        request: HttpRequest,
        exception: Exception,
    ) -> HttpResponseBase:
        """Answer for a view that is not DRF's."""
        return envelope_response(request, exception)

    def leave(
        self,
        request: HttpRequest,
        response: HttpResponseBase,
        *,
        state: Any,  # noqa: ARG002 - the hook's signature
    ) -> HttpResponseBase:
        """Replace an error that is not in the envelope yet."""
        exception = request.__dict__.pop("_quintet_exception", None)
        if response.status_code < _FIRST_ERROR or is_settled(response):
            return response
        answer = _again(request, response, exception=exception)
        for name in _KEPT_HEADERS:
            if name in response and name not in answer:
                answer[name] = response[name]
        # Not close(): that would announce the end of the request before the answer is out.
        answer.__dict__["_resource_closers"] += response.__dict__["_resource_closers"]
        return answer


def _again(
    request: HttpRequest, response: HttpResponseBase, *, exception: BaseException | None
) -> HttpResponseBase:
    if exception is not None:
        # Django has already logged it, with its traceback.
        return envelope_response(request, exception, logged=True)
    return envelope_response(request, from_status(response), status=response.status_code)


def _remember(*, request: HttpRequest | None = None, **_: Any) -> None:
    """Keep what a middleware further in raised: Django hands on only the page it made of it."""
    if request is not None and "_quintet_exception" in request.__dict__:
        request.__dict__["_quintet_exception"] = sys.exc_info()[1]


got_request_exception.connect(_remember, dispatch_uid="quintet.middleware.errors")
