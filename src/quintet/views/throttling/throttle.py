"""The door to DRF: every view asks it before its handler runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.throttling import BaseThrottle

from quintet.errors import ServiceException
from quintet.views.throttling.declared import limit_of
from quintet.views.throttling.judging import FIGURES, judge

if TYPE_CHECKING:
    from rest_framework.request import Request


class RateThrottle(BaseThrottle):
    """Named by ``DEFAULT_THROTTLE_CLASSES``: holds the ``rate_limit`` of a view, or the default."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Put the figures on the answer, and raise why there is none but an error."""
        headers, refusal = judge(
            request._request,  # noqa: SLF001 - DRF names no other way to Django's request
            limit_of(view),
        )
        view.headers.update(headers)
        if refusal is not None:
            raise refusal
        return True


def count_failed(exc: Exception, view: Any, request: Request) -> Exception:
    """Count a request that failed before it came to its throttles, and say what to answer.

    DRF first asks who somebody is and what they may do: guessing tokens would cost nothing.
    """
    if view is None or FIGURES in request._request.__dict__:  # noqa: SLF001 - as above
        return exc
    try:
        for throttle in view.get_throttles():
            if isinstance(throttle, RateThrottle):
                throttle.allow_request(request, view)
    except ServiceException as refusal:
        return refusal
    return exc
