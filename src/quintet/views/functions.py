"""Permissions and rate limits of plain Django views, declared where they are defined."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from asgiref.sync import iscoroutinefunction, sync_to_async

from quintet.auth import ANONYMOUS, BearerAuthentication
from quintet.errors import AuthenticationException, PermissionException
from quintet.views.errors import envelope_response
from quintet.views.throttling import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from rest_framework.permissions import BasePermission

    from quintet.views.throttling import RateLimit

DECLARED = "quintet_permission"
LIMIT = "quintet_rate_limit"


def declares(
    permission: type[BasePermission],
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare and enforce who may call a function view; it finds the principal in ``request.user``.

    The token is judged before the function runs, in a sync view and in an async one alike.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        decorated = (
            _later(view, permission) if iscoroutinefunction(view) else _now(view, permission)
        )
        setattr(decorated, DECLARED, permission)
        return decorated

    return decorate


def limited(limit: RateLimit) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Count the requests for a function view; below ``declares``, which finds out who asks.

    No other limit holds for a function, unless it is one of DRF's.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        if hasattr(view, "cls"):
            view.cls.rate_limit = limit
            return view
        counted = _count_later(view, limit) if iscoroutinefunction(view) else _count(view, limit)
        setattr(counted, LIMIT, limit)
        return counted

    return decorate


def admit(request: HttpRequest, permission: type[BasePermission]) -> None:
    """Put the principal on the request, or raise why it may not pass.

    A permission with ``authenticates = False`` reads the request by itself.
    """
    asking = cast("Any", request)
    found = None
    if getattr(permission, "authenticates", True):
        found = BearerAuthentication().authenticate(asking)
    asking.user = ANONYMOUS if found is None else found[0]
    if permission().has_permission(asking, cast("Any", None)):
        return
    if asking.user.is_authenticated:
        raise PermissionException
    raise AuthenticationException


def _now(view: Callable[..., Any], permission: type[BasePermission]) -> Callable[..., Any]:
    @wraps(view)
    def admitted(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        admit(request, permission)
        return view(request, *args, **kwargs)

    return admitted


def _later(view: Callable[..., Any], permission: type[BasePermission]) -> Callable[..., Any]:
    @wraps(view)
    async def admitted(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        await sync_to_async(admit)(request, permission)
        return await view(request, *args, **kwargs)

    return admitted


def _count(view: Callable[..., Any], limit: RateLimit) -> Callable[..., Any]:
    @wraps(view)
    def counted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        headers, refusal = judge(request, limit)
        if refusal is not None:
            return envelope_response(request, refusal)
        response: HttpResponseBase = view(request, *args, **kwargs)
        return _showing(response, headers)

    return counted


def _count_later(view: Callable[..., Any], limit: RateLimit) -> Callable[..., Any]:
    @wraps(view)
    async def counted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        headers, refusal = await sync_to_async(judge)(request, limit)
        if refusal is not None:
            return envelope_response(request, refusal)
        response: HttpResponseBase = await view(request, *args, **kwargs)
        return _showing(response, headers)

    return counted


def _showing(response: HttpResponseBase, headers: Mapping[str, str]) -> HttpResponseBase:
    for name, value in headers.items():
        response[name] = value
    return response
