"""The security headers of Django's own middleware, said in the one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware

from quintet.middleware.doors import TwoDoors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http.response import HttpResponseBase

    from quintet.middleware.doors import type_of_next

    Said = Mapping[str, tuple[str, str]]

_FRAMING = "x-frame-options"


class HeadersMiddleware(TwoDoors):
    """Adds what ``SecurityMiddleware`` and ``XFrameOptionsMiddleware`` add, by the same settings.

    They are asked once, when the service starts, what they say to an answer over http and to one
    over https. A header that a view has set stays, and so does ``xframe_options_exempt``.
    """

    def __init__(self, get_response: type_of_next) -> None:
        super().__init__(get_response)
        # Neither of them calls it: only their hooks are used.
        self._security = SecurityMiddleware(get_response)
        self._framing = XFrameOptionsMiddleware(get_response)
        self._plain, self._secure = self._said("http"), self._said("https")

    def refuse(self, request: HttpRequest) -> HttpResponseBase | None:
        """Send the caller to https, when ``SECURE_SSL_REDIRECT`` says so."""
        elsewhere = self._security.process_request(request) if self._security.redirect else None
        return None if elsewhere is None else self.leave(request, elsewhere, state=None)

    def leave(
        self,
        request: HttpRequest,
        response: HttpResponseBase,
        *,
        state: Any,  # noqa: ARG002 - the hook's signature
    ) -> HttpResponseBase:
        """Add the headers that are missing."""
        differ = self._plain != self._secure
        said = self._secure if differ and request.is_secure() else self._plain
        exempt = "xframe_options_exempt" in response.__dict__
        # Converting a value costs more than all the rest of this; these were, when they were set.
        present: dict[str, tuple[str, str]] = response.headers._store  # noqa: SLF001 - as above
        for key, header in said.items():
            if key not in present and not (exempt and key == _FRAMING):
                present[key] = header
        return response

    def _said(self, scheme: str) -> Said:
        request, answer = HttpRequest(), HttpResponse()
        cast("Any", request)._get_scheme = lambda: scheme  # noqa: SLF001 - how Django says it
        before = set(answer.headers)
        for hook in (self._security, self._framing):
            answer = hook.process_response(request, answer)
        return {
            name.lower(): (name, value)
            for name, value in answer.headers.items()
            if name not in before
        }
