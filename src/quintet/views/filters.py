"""What a list may be narrowed and ordered by: what the view names, and nothing else.

Whatever is asked beyond that is refused. A misspelt filter that is ignored shows somebody
everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_filters import BooleanFilter
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.filters import OrderingFilter, SearchFilter

from quintet.errors import ValidationException

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request

SEARCH_WORDS_MAX = 10
SEARCH_LENGTH_MAX = 200
_TRUTHS = {"", "true", "false", "True", "False"}


class Filters(DjangoFilterBackend):  # type: ignore[misc] # django-filter has no types
    """The filters of the view's ``filterset_class`` or ``filterset_fields``."""

    def names(self, view: Any) -> set[str]:
        """The query parameters that this reads."""
        filterset = self.get_filterset_class(view, view.get_queryset())
        return {
            name
            for item in (filterset.base_filters.items() if filterset else ())
            for name in _written(*item)
        }

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> QuerySet[Any]:
        """Refuse a truth value that is none; django-filter would take it for no filter at all."""
        filterset = self.get_filterset_class(view, queryset)
        for name, declared in filterset.base_filters.items() if filterset else ():
            given = request.query_params.get(name, "")
            if isinstance(declared, BooleanFilter) and given not in _TRUTHS:
                message = f"{given!r} is neither true nor false."
                raise ValidationException(message, {name: [message]})
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered


class Search(SearchFilter):
    """Free text in the view's ``search_fields``, by ``?search=``: ten words at most.

    Each word is one more condition on each field, and a long text keeps the database busy.
    """

    def names(self, view: Any) -> set[str]:
        """The query parameters that this reads."""
        return {self.search_param} if getattr(view, "search_fields", None) else set()

    def get_search_terms(self, request: Request) -> list[str]:
        """The words, if there are not too many of them."""
        terms = list(super().get_search_terms(request))
        too_long = len(request.query_params.get(self.search_param, "")) > SEARCH_LENGTH_MAX
        if too_long or len(terms) > SEARCH_WORDS_MAX:
            message = f"At most {SEARCH_WORDS_MAX} words, of {SEARCH_LENGTH_MAX} letters together."
            raise ValidationException(message, {self.search_param: [message]})
        return terms


class Ordering(OrderingFilter):
    """Ordering by the view's ``ordering_fields``, which have to be named one by one.

    The primary key comes last in every ordering: without it, rows that are equal may stand on two
    pages or on none.
    """

    def names(self, view: Any) -> set[str]:
        """The query parameters that this reads."""
        return {self.ordering_param} if getattr(view, "ordering_fields", None) else set()

    def get_valid_fields(
        self,
        queryset: QuerySet[Any],  # noqa: ARG002 - DRF's signature
        view: Any,
        context: Any = None,  # noqa: ARG002 - DRF's signature
    ) -> list[tuple[str, str]]:
        """Only what the view names; DRF would offer every field that is shown."""
        fields = getattr(view, "ordering_fields", None) or ()
        if fields == "__all__":
            raise TypeError(f"{type(view).__name__}.ordering_fields has to name its fields.")
        return [field if isinstance(field, tuple) else (field, field) for field in fields]

    def remove_invalid_fields(
        self,
        queryset: QuerySet[Any],
        fields: Any,
        view: Any,
        request: Request,  # noqa: ARG002 - DRF's signature
    ) -> list[str]:
        """Refuse what is not on the list instead of ignoring it."""
        valid = [name for name, _ in self.get_valid_fields(queryset, view)]
        if wrong := [field for field in fields if field.removeprefix("-") not in valid]:
            message = (
                f"{wrong[0]!r} is not one of {', '.join(valid)}, with or without a minus sign."
            )
            raise ValidationException(message, {self.ordering_param: [message]})
        return list(fields)

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> QuerySet[Any]:
        """Order by the wish, the view's ``ordering`` or the model's, and then by the key."""
        wished: list[Any] = list(self.get_ordering(request, queryset, view) or ())
        ordering = wished or list(queryset.query.order_by) or list(queryset.model._meta.ordering)
        keys = {"pk", "-pk", queryset.model._meta.pk.name, f"-{queryset.model._meta.pk.name}"}
        if keys.isdisjoint(str(field) for field in ordering):
            ordering.append("pk")
        return queryset.order_by(*ordering)


def known_parameters(view: Any) -> set[str]:
    """Every query parameter that a list of this view reads."""
    known: set[str] = set()
    for backend in view.filter_backends:
        names = getattr(backend(), "names", None)
        known |= names(view) if names else set()
    paginator = view.paginator
    if paginator is not None:
        known |= {paginator.page_query_param, paginator.page_size_query_param}
    return known


def refuse_unknown(request: Request, known: set[str]) -> None:
    """Raise for the query parameters that nothing would read."""
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        offered = f"Known are: {', '.join(sorted(known))}." if known else "None is known here."
        raise ValidationException(
            "The query string holds an unknown parameter.",
            {name: [f"Unknown query parameter. {offered}"] for name in unknown},
        )


def _written(name: str, declared: Any) -> list[str]:
    """A filter of several values, such as a range, is written with a suffix for each of them."""
    suffixes = getattr(declared.field_class.widget, "suffixes", None)
    return [f"{name}_{suffix}" for suffix in suffixes] if suffixes else [name]
