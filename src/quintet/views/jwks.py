"""The public keys of this service, for whoever verifies its tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import JsonResponse
from django.views.decorators.http import require_safe

from quintet import auth
from quintet.views.authority import Anyone
from quintet.views.functions import declares

if TYPE_CHECKING:
    from django.http import HttpRequest

FRESH_SECONDS = 300


@require_safe
@declares(Anyone)
def jwks(request: HttpRequest) -> JsonResponse:  # noqa: ARG001 - Django's signature
    """Answer with RFC 7517's key set; no private part is in it."""
    response = JsonResponse(auth.jwks(), content_type="application/jwk-set+json")
    response["Cache-Control"] = f"public, max-age={FRESH_SECONDS}"
    return response
