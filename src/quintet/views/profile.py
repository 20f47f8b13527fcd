"""A profile of the process that answers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.views.decorators.http import require_POST

from quintet.errors import ConflictException, ValidationException
from quintet.lifecycle import profiling
from quintet.telemetry.logs import get_logger
from quintet.views.authority import Inside
from quintet.views.functions import declares
from quintet.views.priority import priority
from quintet.views.timeouts import timeout

if TYPE_CHECKING:
    from django.http import HttpRequest

DEFAULT_SECONDS = 5.0

log = get_logger("quintet.lifecycle")


@priority  # a process that is full is the one to be looked at
@require_POST
@declares(Inside)
@timeout(profiling.MOST_SECONDS + 5)
def profile(request: HttpRequest) -> HttpResponse:
    """Look at this process for ``seconds``, and answer with its stacks, as flame graphs take them.

    The answer names the process, since a service may have several. ``POST``, since it costs.
    """
    seconds = _seconds(request.GET.get("seconds", str(DEFAULT_SECONDS)))
    log.info("profile begins", seconds=seconds)
    try:
        stacks = profiling.profile(seconds)
    except profiling.Busy as error:
        raise ConflictException("This process is being profiled already.") from error
    response = HttpResponse(stacks, content_type="text/plain; charset=utf-8")
    response["X-Process-ID"] = str(os.getpid())
    response["Cache-Control"] = "no-store"
    return response


def _seconds(given: str) -> float:
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= profiling.MOST_SECONDS:
        raise ValidationException(f"Give seconds above 0, and {profiling.MOST_SECONDS:g} at most.")
    return seconds
