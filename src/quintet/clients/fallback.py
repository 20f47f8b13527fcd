"""What is done instead, when another service gives no answer: said where the call is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from prometheus_client import Counter

from quintet.errors import Kind, ServiceException
from quintet.resilience import deadline
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")

FALLBACKS = Counter(
    "client_fallbacks_total", "Calls without an answer that something stood in for.", ["service"]
)
_NO_ANSWER = frozenset({Kind.UNAVAILABLE, Kind.DEADLINE, Kind.EXTERNAL})

log = get_logger("quintet.clients")


def with_fallback(
    call: Callable[[], Answer], fallback: Callable[[ServiceException], Answer]
) -> Answer:
    """Return what ``call`` answers, or what ``fallback`` makes of it that there was no answer.

    Each time is counted and logged: a system that lives on its fallbacks looks well otherwise. A
    refusal is an answer, so it is raised, and so is what no other service is to blame for. When
    the time of the request itself is over, nobody waits for a fallback either.
    """
    try:
        return call()
    except ServiceException as error:
        if error.origin is None or error.kind not in _NO_ANSWER or deadline.is_over():
            raise
        FALLBACKS.labels(error.origin).inc()
        log.warning("fell back", target=error.origin, code=error.error_code)
        return fallback(error)
