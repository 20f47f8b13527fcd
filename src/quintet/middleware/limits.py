"""Refuse what is not meant for this service or too much for it, before anything reads it."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from django.core.exceptions import DisallowedHost
from django.http import UnreadablePostError

from quintet import conf
from quintet.errors import ServiceException
from quintet.middleware.bodies import KEPT, bound
from quintet.middleware.charsets import CHARSETS
from quintet.middleware.doors import TwoDoors
from quintet.middleware.network import PROBES
from quintet.views.errors import envelope_response
from quintet.views.translation import StatusException

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from quintet.middleware.doors import type_of_next

    Kept = IO[bytes] | None

_MOST_NAMES = 64
_UNSUPPORTED = 415
_PLAIN = {"", "identity"}


class LimitsMiddleware(TwoDoors):
    """Checks the Host header, and how a body is written and how large it is.

    ``MAX_REQUEST_BYTES`` holds where a view does not say otherwise, whether the body is announced
    or chunked. A compressed body is refused, since its size is known too late, and so is any
    charset but UTF-8, since not all of those that Python knows are charsets.
    """

    def __init__(self, get_response: type_of_next) -> None:
        super().__init__(get_response)
        self._forwarded = conf.of_django("USE_X_FORWARDED_HOST", default=False)
        self._welcome: set[str] = set()

    def refuse(self, request: HttpRequest) -> HttpResponseBase | None:
        """Answer 400, 408, 411, 413 or 415 in place of the view."""
        try:
            if request.META.get("HTTP_HOST") not in self._welcome and request.path not in PROBES:
                self._judge_host(request)
            _judge_writing(request)
            bound(request)
        except (DisallowedHost, UnreadablePostError, ServiceException) as error:
            return _refusal(request, error)
        return None

    def _judge_host(self, request: HttpRequest) -> None:
        """Let Django judge each name once: it reads the settings and the name anew every time."""
        request.get_host()
        if len(self._welcome) < _MOST_NAMES and not self._forwarded:
            self._welcome.add(request.META.get("HTTP_HOST", ""))

    def enter(self, request: HttpRequest) -> Kept:
        """Remember what has to be closed after the answer: the chunks of a body, put together."""
        kept: Kept = request.__dict__.pop(KEPT, None)
        return kept

    def leave(
        self,
        request: HttpRequest,  # noqa: ARG002 - the hook's signature
        response: HttpResponseBase,
        *,
        state: Kept,
    ) -> HttpResponseBase:
        """Close it with the answer, which may be a stream that still reads."""
        if state is not None:
            response.__dict__["_resource_closers"].append(state.close)
        return response

    def abandon(self, request: HttpRequest, state: Kept) -> None:  # noqa: ARG002 - a hook
        """Close it now."""
        if state is not None:
            state.close()


def _judge_writing(request: HttpRequest) -> None:
    params: dict[str, str] = request.content_params or {}
    coding = request.META.get("HTTP_CONTENT_ENCODING")
    if coding is not None and coding.strip().lower() not in _PLAIN:
        raise StatusException("Send the body as it is, without a Content-Encoding.", _UNSUPPORTED)
    if "charset" in params and params["charset"].lower() not in CHARSETS:
        raise StatusException("Send the body in UTF-8.", _UNSUPPORTED)


def _refusal(request: HttpRequest, error: Exception) -> HttpResponseBase:
    response = envelope_response(request, error)
    if response.status_code == _UNSUPPORTED:
        response["Accept-Encoding"] = "identity"
    return response
