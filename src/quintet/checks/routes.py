"""Every route says who may use it: walk the URLs and look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Error, register
from django.urls import URLResolver, get_resolver
from rest_framework.views import APIView

from quintet.checks.findings import TAG
from quintet.views.functions import DECLARED
from quintet.views.sets import ServiceViewSet

if TYPE_CHECKING:
    from collections.abc import Iterator


@register(TAG)
def routes_declare_permissions(**_: Any) -> list[CheckMessage]:
    """Find the routes and actions that leave their permission to the default."""
    return [finding for route, view in routes_of(get_resolver()) for finding in _judge(route, view)]


def routes_of(resolver: URLResolver, prefix: str = "/") -> Iterator[tuple[str, Any]]:
    """Every route below a resolver, as it is written, and its view."""
    for entry in resolver.url_patterns:
        written = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes_of(entry, written)
        else:
            yield written, entry.callback


def _judge(route: str, view: Any) -> Iterator[CheckMessage]:
    cls = getattr(view, "cls", None)
    if cls is None:
        if not hasattr(view, DECLARED):
            yield _undeclared(route, view)
    elif decider := _decided_elsewhere(cls):
        yield Error(
            f"{cls.__name__} at {route} overrides {decider}, past what it declares.",
            hint="Say it in permission_classes or permissions, with a permission of your own.",
            obj=cls,
            id="quintet.E016",
        )
    elif issubclass(cls, ServiceViewSet):
        yield from _actions(route, cls, view)
    elif not _declares(cls, view):
        yield _undeclared(route, cls)


def _decided_elsewhere(cls: type[APIView]) -> str | None:
    """The method by which a view lets in whom its declaration does not name, if it has one."""
    known = ServiceViewSet if issubclass(cls, ServiceViewSet) else APIView
    for name in ("get_permissions", "check_permissions"):
        if getattr(cls, name) is not getattr(known, name):
            return name
    return None


def _declares(cls: type[APIView], view: Any) -> bool:
    declared = getattr(view, "initkwargs", {}).get("permission_classes", cls.permission_classes)
    return bool(declared) and declared is not APIView.permission_classes


def _actions(route: str, cls: type[ServiceViewSet[Any]], view: Any) -> Iterator[CheckMessage]:
    declared = {action for action, permission in cls.permissions.items() if permission}
    for action in sorted(set(view.actions.values()) - declared):
        yield Error(
            f"{cls.__name__}.{action} at {route} declares no permission.",
            hint=f'Add "{action}" to {cls.__name__}.permissions; it is denied to everybody now.',
            obj=cls,
            id="quintet.E002",
        )


def _undeclared(route: str, view: Any) -> CheckMessage:
    name = getattr(view, "__name__", type(view).__name__)
    return Error(
        f"{name} at {route} declares no permission.",
        hint=(
            "Set permission_classes in the class itself, permissions in a ServiceViewSet, or "
            "decorate a function with quintet.views.functions.declares."
        ),
        obj=view,
        id="quintet.E001",
    )
