"""Where a handler is done once for each key, there is a caller to bind the key to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Error, register
from django.urls import get_resolver

from quintet import conf
from quintet.auth import Public
from quintet.checks.findings import TAG
from quintet.checks.routes import routes_of
from quintet.views.idempotency import DECLARED

if TYPE_CHECKING:
    from collections.abc import Iterator

_METHODS = ("post", "put", "patch", "delete")


@register(TAG)
def keys_have_an_owner(**_: Any) -> list[CheckMessage]:
    """Find handlers that ask for a key and let in callers without a token."""
    return [
        Error(
            f"{cls.__name__}.{name} at {route} is done once for each key of a caller, and is open "
            "to callers without a token.",
            hint="Let it ask for a permission that needs a token, or take idempotent away.",
            obj=cls,
            id="quintet.E023",
        )
        for route, cls, name in _handlers()
        if _is_public(cls, name)
    ]


@register(TAG)
def keys_are_seen_by_others(**_: Any) -> list[CheckMessage]:
    """Find a transaction around whole requests: nobody would see the claim on a key in it."""
    databases: dict[str, dict[str, Any]] = conf.of_django("DATABASES", {})
    if not databases.get("default", {}).get("ATOMIC_REQUESTS") or not any(_handlers()):
        return []
    return [
        Error(
            "ATOMIC_REQUESTS is on, and there are handlers that are done once for each key.",
            hint="Take it out of DATABASES: idempotent() runs a handler in a transaction itself.",
            id="quintet.E024",
        )
    ]


def _handlers() -> Iterator[tuple[str, Any, str]]:
    """Every handler that is done once for each key: its route, its class and its name."""
    for route, view in routes_of(get_resolver()):
        cls = getattr(view, "cls", None)
        names = getattr(view, "actions", None) or {name: name for name in _METHODS}
        for name in sorted(set(names.values())):
            if hasattr(getattr(cls, name, None), DECLARED):
                yield route, cls, name


def _is_public(cls: Any, name: str) -> bool:
    declared = getattr(cls, "permissions", {}).get(name, cls.permission_classes)
    several = declared if isinstance(declared, list | tuple) else (declared,)
    return any(issubclass(permission, Public) for permission in several)
