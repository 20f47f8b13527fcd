"""Viewsets that say for every action who may do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.db.models import Model
from rest_framework import mixins
from rest_framework.viewsets import GenericViewSet

from quintet.auth import Denied, Principal, principal_of
from quintet.views.filters import Filters, Ordering, Search, known_parameters, refuse_unknown
from quintet.views.pagination import Page
from quintet.views.throttling import DEFAULT, Declared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet
    from rest_framework.permissions import BasePermission
    from rest_framework.request import Request

M = TypeVar("M", bound=Model)

_READING = {"GET", "HEAD"}


class ServiceViewSet(GenericViewSet[M]):
    """A viewset with ``permissions`` per action; an action that it does not name is denied.

    Lists are paged, filtered by ``filterset_class``, searched in ``search_fields`` and ordered by
    ``ordering_fields``. A query parameter that nothing reads is a 400; ``query_parameters`` names
    further ones that the view reads itself. ``rate_limit`` is one limit for all actions, or one for
    each that it names. ``owner_field`` names the attribute with the owner's
    user id, for ``owned`` and for the permission ``Owner``.
    """

    permissions: ClassVar[Mapping[str, Any]] = {}
    rate_limit: ClassVar[Declared] = DEFAULT
    query_parameters: ClassVar[Sequence[str]] = ()
    owner_field: ClassVar[str] = "owner_id"
    ordering_fields: ClassVar[Sequence[str]] = ()
    pagination_class = Page
    filter_backends = (Filters, Search, Ordering)
    http_method_names = ("get", "post", "put", "patch", "delete", "head")

    @property
    def principal(self) -> Principal:
        """Who asks."""
        return principal_of(self.request)

    def get_permissions(self) -> list[BasePermission]:
        """What the action declares; a method without an action gets as far as its 405."""
        action = getattr(self, "action", None)
        if action is None or action == "metadata":
            return []
        declared = self.permissions.get(action) or Denied
        several = declared if isinstance(declared, list | tuple) else (declared,)
        return [permission() for permission in several]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Judge the query string after the caller: who may not ask learns nothing about it."""
        super().initial(request, *args, **kwargs)
        if getattr(self, "action", None) in {None, "metadata"}:
            return
        lists = request.method in _READING and not self.detail
        known = known_parameters(self) if lists else set()
        refuse_unknown(request, known | set(self.query_parameters))

    def owned(self, queryset: QuerySet[M]) -> QuerySet[M]:
        """Leave the caller's own rows; staff keep all, so a foreign object is a 404 for others."""
        if self.principal.is_staff:
            return queryset
        if not self.principal.user_id:
            return queryset.none()  # a filter by None would find what belongs to nobody
        return queryset.filter(**{self.owner_field: self.principal.user_id})


class ReadViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ServiceViewSet[M]):
    """List and retrieve, and nothing that changes anything."""


class WriteViewSet(
    mixins.CreateModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    ReadViewSet[M],
):
    """Everything: list, retrieve, create, update, partial_update and destroy."""
