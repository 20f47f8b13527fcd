"""What callers may ask is written so that it can be counted, and counted in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's name
from django.urls import get_resolver

from quintet import conf
from quintet.checks.findings import TAG
from quintet.checks.routes import routes_of
from quintet.views.functions import LIMIT
from quintet.views.throttling import DEFAULT
from quintet.views.throttling.counting import counting, is_shared

if TYPE_CHECKING:
    from collections.abc import Iterator


@register(TAG)
def limits_can_be_counted(**_: Any) -> list[CheckMessage]:
    """Find limits that cannot be counted, and a store that cannot count them."""
    findings: list[CheckMessage] = []
    limited = DEFAULT.policy() is not None
    for route, view in routes_of(get_resolver()):
        for limit in _limits(view):
            try:
                limited = limit.policy() is not None or limited
            except (AttributeError, ValueError):
                findings.append(_uncountable(route, limit))
    return [*findings, *_store()] if limited else findings


def _limits(view: Any) -> Iterator[Any]:
    """Everything that a route says about limits, right or wrong."""
    declared = getattr(view, LIMIT, None) or getattr(getattr(view, "cls", None), "rate_limit", None)
    if isinstance(declared, Mapping):
        yield from declared.values()
    elif declared is not None:
        yield declared


def _uncountable(route: str, limit: Any) -> CheckMessage:
    return Error(
        f"The rate limit at {route} cannot be counted: {limit!r}.",
        hint='Write RateLimit("name", "5/minute"), or name a setting that rates() declares.',
        id="quintet.E020",
    )


def _store() -> Iterator[CheckMessage]:
    """Make what will count; nothing is connected. The server has loaded it before it forks."""
    env = conf.current()
    try:
        counting()
    except ImportError as error:
        yield Error(
            f"CACHE_URL names a store for rate limits, but it cannot be used: {error}.",
            hint="Install quintet[redis].",
            id="quintet.E021",
        )
    if env.SERVICE_ENVIRONMENT == "production" and env.WEB_WORKERS > 1 and not is_shared():
        yield Warning(
            f"Each of the {env.WEB_WORKERS} workers counts for itself: a caller may ask "
            f"{env.WEB_WORKERS} times as often as the rate limits say.",
            hint="Set CACHE_URL to a Redis or Valkey that all of them reach.",
            id="quintet.W010",
        )
