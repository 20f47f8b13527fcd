"""Who may look inside: the internal side, the holder of the health token, and other services."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from rest_framework.permissions import BasePermission

from quintet import auth, conf
from quintet.errors import ServiceException
from quintet.middleware.network import is_internal

if TYPE_CHECKING:
    from django.http import HttpRequest


class Anyone(BasePermission):
    """Everybody, whatever token they send: it is not even read."""

    authenticates = False

    def has_permission(self, request: Any, view: Any) -> bool:  # noqa: ARG002 - DRF's signature
        return True


class Inside(BasePermission):
    """The internal side, the holder of the health token, and other services."""

    authenticates = False

    def has_permission(self, request: Any, view: Any) -> bool:  # noqa: ARG002 - DRF's signature
        return may_look_inside(request)


def may_look_inside(request: HttpRequest) -> bool:
    """Whether the answer to this request may describe the service. Never raises."""
    return is_internal(request) or _holds_token(request)


def _holds_token(request: HttpRequest) -> bool:
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer":
        return False
    expected = conf.current().HEALTH_TOKEN
    if expected and hmac.compare_digest(token.encode(), expected.encode()):
        return True
    try:
        return auth.verify(token).kind == "service"
    except ServiceException:
        return False  # a wrong token, or nobody can tell now
