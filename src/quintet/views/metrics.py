"""What Prometheus reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from quintet.telemetry.metrics import exposition
from quintet.views.authority import Inside
from quintet.views.functions import declares

if TYPE_CHECKING:
    from django.http import HttpRequest


@require_safe
@declares(Inside)
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer in the format that the scraper accepts; only to the internal side or with a token."""
    body, content_type = exposition(request.META.get("HTTP_ACCEPT", ""))
    return HttpResponse(body, content_type=content_type)
