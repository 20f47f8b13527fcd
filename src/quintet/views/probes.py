"""Is it alive, is it ready, how is it: three questions, and who gets which answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import JsonResponse
from django.views.decorators.http import require_safe

from quintet import health as checks
from quintet.errors import UnavailableException
from quintet.views.authority import Anyone, may_look_inside
from quintet.views.errors import envelope_of, settle
from quintet.views.functions import declares

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

_UNAVAILABLE = 503


@require_safe
@declares(Anyone)
def livez(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer without asking anybody: restarting this process helps only when this view fails."""
    return _fresh(JsonResponse({"status": "ok"}))


@require_safe
@declares(Anyone)
def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether this process can work at all: its own hard dependencies and nobody else's."""
    return _answer(request, {}, healthy=checks.checker().ready())


@require_safe
@declares(Anyone)
def health(request: HttpRequest) -> HttpResponse:
    """Run all checks; who may look inside sees each of them, everybody else the verdict."""
    report = checks.checker().check_all()
    shown = report if may_look_inside(request) else {}
    return _answer(request, shown, healthy=report["healthy"])


def _answer(request: HttpRequest, shown: dict[str, Any], *, healthy: bool) -> HttpResponse:
    if healthy:
        return _fresh(JsonResponse({"status": "ok", **shown}))
    refusal = envelope_of(request, UnavailableException("The service is not available."))
    body = {"status": "unavailable", **shown, **refusal}
    return settle(_fresh(JsonResponse(body, status=_UNAVAILABLE)))


def _fresh(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
