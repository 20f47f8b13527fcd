"""What a service shows and takes is written down field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Error, register
from django.urls import get_resolver
from django_filters.filterset import BaseFilterSet
from rest_framework.generics import GenericAPIView
from rest_framework.serializers import ModelSerializer

from quintet.checks.findings import TAG

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOREIGN = ("rest_framework.", "django_filters.")


@register(TAG)
def serializers_name_their_fields(**_: Any) -> list[CheckMessage]:
    """Find serializers that would show a column as soon as a migration adds it."""
    return [
        Error(
            f"{cls.__module__}.{cls.__name__} does not name its fields.",
            hint="Replace '__all__' or exclude by a list of fields: a new column stays inside.",
            obj=cls,
            id="quintet.E003",
        )
        for cls in _descendants(ModelSerializer)
        if _takes_all(getattr(cls, "Meta", None))
    ]


@register(TAG)
def lists_name_their_fields(**_: Any) -> list[CheckMessage]:
    """Find views and filters that offer every column for filtering or ordering."""
    open_wide = [
        cls
        for cls in _descendants(GenericAPIView)
        if "__all__"
        in (getattr(cls, "ordering_fields", None), getattr(cls, "filterset_fields", None))
    ]
    open_wide += [
        cls for cls in _descendants(BaseFilterSet) if _takes_all(getattr(cls, "Meta", None))
    ]
    return [
        Error(
            f"{cls.__module__}.{cls.__name__} offers all fields for filtering or ordering.",
            hint="Name the fields: an ordering by a hidden column tells what stands in it.",
            obj=cls,
            id="quintet.E004",
        )
        for cls in open_wide
    ]


def _takes_all(meta: Any) -> bool:
    return getattr(meta, "fields", None) == "__all__" or bool(getattr(meta, "exclude", None))


def _descendants(root: type[Any]) -> Iterator[type[Any]]:
    """Every subclass that is loaded; the URLs are read first, since they import the views."""
    _ = get_resolver().url_patterns
    waiting, seen = [root], {root}
    while waiting:
        for cls in waiting.pop().__subclasses__():
            if cls not in seen:
                seen.add(cls)
                waiting.append(cls)
                if not cls.__module__.startswith(_FOREIGN):
                    yield cls
