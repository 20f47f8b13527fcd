"""Who may do what: every route names one of these, and ``Denied`` stands where none is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rest_framework.permissions import BasePermission

from quintet.auth.principals import ANONYMOUS, STAFF, Principal

if TYPE_CHECKING:
    from rest_framework.request import Request


def principal_of(request: Request) -> Principal:
    """The principal of a request; another kind of user counts as nobody."""
    user: object = request.user
    return user if isinstance(user, Principal) else ANONYMOUS


class Denied(BasePermission):
    """Nobody, ever: the default of a route that declares nothing, and the stem of the others."""

    kinds: ClassVar[frozenset[str]] = frozenset()
    roles: ClassVar[frozenset[str]] = frozenset()
    services: ClassVar[frozenset[str]] = frozenset()

    def has_permission(self, request: Request, view: Any) -> bool:  # noqa: ARG002 - DRF's signature
        principal = principal_of(request)
        return (
            principal.kind in self.kinds
            and self.roles <= principal.roles
            and (principal.service is None or principal.service in self.services)
        )


class Public(Denied):
    """Everybody, without a token; a wrong token is refused all the same."""

    def has_permission(self, request: Request, view: Any) -> bool:  # noqa: ARG002 - DRF's signature
        return True


class Authenticated(Denied):
    """Any user. Not services: those are named one by one with ``service(…)``."""

    kinds = frozenset({"user"})


class Staff(Authenticated):
    """Users whose token carries the role ``staff``."""

    roles = frozenset({STAFF})


class Owner(Authenticated):
    """Users, and of objects only their own.

    The object's owner is its ``owner_id``, or the attribute that the view names in ``owner_field``.
    A view should filter its queryset by the owner as well: a foreign object is a 404, not a 403.
    """

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        owner_id = getattr(obj, getattr(view, "owner_field", "owner_id"))
        return owner_id is not None and owner_id == principal_of(request).user_id


def service(*names: str) -> type[Denied]:
    """A permission for the named services and nobody else: ``service("orders")``."""
    if not names:
        raise TypeError("service() needs the name of at least one service.")

    class ServicePermission(Denied):
        """Services that prove their name with a token for this one."""

        kinds = frozenset({"service"})
        services = frozenset(names)

    return ServicePermission
