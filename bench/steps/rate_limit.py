"""One check of a rate limit on Redis: ours, django-ratelimit, the throttle of DRF.

All of them count the same callers in the same server. Django is set up already, with ``CACHE_URL``
in the environment and ``CACHES = derive.caches(env)``, which the other two count in.
"""

from __future__ import annotations

from itertools import cycle
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

CALLERS = 500
"""The throttle of DRF reads and writes the list of a caller: many short ones are kind to it."""
RATE = "1000000/minute"


def contenders() -> Mapping[str, Callable[[], object]]:
    """Give one check of each, by its name."""
    return {"Quintet": ours(), "django-ratelimit": decorator(), "DRF's throttle": throttle()}


def ours() -> Callable[[], object]:
    """What a view of DRF does with ``RATE_LIMIT``, figures for the headers included."""
    from quintet.views.throttling import RateLimit, RateThrottle

    limit, callers = RateLimit("bench", RATE), requests()

    def check() -> object:
        view = SimpleNamespace(rate_limit=limit, headers={})
        return RateThrottle().allow_request(next(callers), view)

    return check


def decorator() -> Callable[[], object]:
    """What the decorator of django-ratelimit does, by address; it has no figures for headers."""
    from django_ratelimit.core import is_ratelimited

    callers = requests()
    rate = RATE.removesuffix("inute")
    return lambda: is_ratelimited(
        next(callers)._request,  # noqa: SLF001 - DRF names no other way to Django's request
        group="bench",
        key="ip",
        rate=rate,
        increment=True,
    )


def throttle() -> Callable[[], object]:
    """What DRF does for callers without a name; it has no figures for headers."""
    from rest_framework.throttling import AnonRateThrottle

    class Throttle(AnonRateThrottle):
        rate = RATE

    callers = requests()
    return lambda: Throttle().allow_request(next(callers), None)


def requests() -> Iterator[Any]:
    """Requests of many callers, again and again from the first."""
    from django.test import RequestFactory
    from rest_framework.request import Request

    made = []
    for number in range(CALLERS):
        address = f"10.0.{number // 250}.{number % 250}"
        asked: Any = RequestFactory().get("/", REMOTE_ADDR=address)
        asked.client_ip = address
        made.append(Request(asked))
        made[-1].user = None
    return cycle(made)
