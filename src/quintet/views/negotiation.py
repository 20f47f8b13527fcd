"""Which of the two shapes of an error a client asks for, and what DRF makes of that wish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation

if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.renderers import BaseRenderer
    from rest_framework.request import Request

PROBLEM = "application/problem+json"
_JSON = ("application/json", "application/*", "*/*")
_ANY_JSON = frozenset({"", "*/*", "application/json"})
"""What nearly every client sends, and what leaves nothing to negotiate where there is only JSON."""


def wants_problem(request: HttpRequest) -> bool:
    """Whether the Accept header names problem+json, and prefers nothing else that we have to it."""
    try:
        accepted = request.accepted_types
    except (LookupError, ValueError):
        return False  # the header cannot be read, and the error is to be answered all the same
    quality = {f"{kind.main_type}/{kind.sub_type}": kind.quality for kind in reversed(accepted)}
    # Of JSON, the range that fits it most narrowly speaks.
    json = next((quality[kind] for kind in _JSON if kind in quality), 0)
    return quality.get(PROBLEM, -1) >= json


class Negotiation(DefaultContentNegotiation):
    """Lets a client that names only ``application/problem+json`` have its successes as JSON.

    Such a client says how it wants its errors; a 406 for everything that goes well would help
    nobody.
    """

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Choose as DRF does, and the first renderer where only a problem is acceptable."""
        if (
            len(renderers) == 1
            and format_suffix is None
            and renderers[0].media_type == _JSON[0]
            and request.META.get("HTTP_ACCEPT", "") in _ANY_JSON
            and not self.settings.URL_FORMAT_OVERRIDE
        ):
            return renderers[0], _JSON[0]
        try:
            chosen: tuple[BaseRenderer, str] = super().select_renderer(
                request, renderers, format_suffix
            )
        except NotAcceptable:
            if not wants_problem(request._request):  # noqa: SLF001 - DRF names no other way to it
                raise
            return renderers[0], str(renderers[0].media_type)
        return chosen
