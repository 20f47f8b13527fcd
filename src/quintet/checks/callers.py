"""The services that routes admit are services whose tokens are accepted at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Warning, register  # noqa: A004 - Django's name
from django.urls import get_resolver
from rest_framework.permissions import OperandHolder

from quintet import conf
from quintet.auth import Denied
from quintet.checks.findings import TAG
from quintet.checks.routes import routes_of
from quintet.settings.nearness import nearest
from quintet.views.functions import DECLARED
from quintet.views.sets import ServiceViewSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@register(TAG)
def admitted_services_are_trusted(**_: Any) -> list[CheckMessage]:
    """Find routes that admit a service which would be refused before they are asked."""
    env = conf.current()
    trusted = {env.SERVICE_NAME, *env.AUTH_ISSUERS}
    return [
        _finding(route, name, trusted)
        for route, view in routes_of(get_resolver())
        for name in sorted(_admitted_at(view) - trusted)
    ]


def _admitted_at(view: Any) -> set[str]:
    return {name for permission in _permissions(view) for name in _admitted(permission)}


def _permissions(view: Any) -> Iterator[Any]:
    """Everything that a route says about who may use it; of a viewset, for its actions here."""
    cls = getattr(view, "cls", None)
    if cls is None:
        yield getattr(view, DECLARED, None)
    elif issubclass(cls, ServiceViewSet):
        for action in set(view.actions.values()):
            yield from _listed(cls.permissions.get(action))
    else:
        yield from view.initkwargs.get("permission_classes", cls.permission_classes)


def _listed(declared: Any) -> Iterable[Any]:
    return declared if isinstance(declared, list | tuple) else (declared,)


def _admitted(permission: Any) -> Iterator[str]:
    """The services that a permission names; those behind a ``~`` are shut out, not admitted."""
    if isinstance(permission, OperandHolder):
        yield from _admitted(permission.op1_class)
        yield from _admitted(permission.op2_class)
    elif isinstance(permission, type) and issubclass(permission, Denied):
        yield from permission.services


def _finding(route: str, name: str, trusted: set[str]) -> CheckMessage:
    meant = nearest(name, trusted)
    return Warning(
        f"{route} admits the service {name}, but AUTH_ISSUERS does not name it: "
        "its tokens are refused.",
        hint=(
            f"Write {meant} instead."
            if meant
            else f"Add {name}=https://…/.well-known/jwks.json to AUTH_ISSUERS, "
            "or take the name out of the permission."
        ),
        id="quintet.W011",
    )
