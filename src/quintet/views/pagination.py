"""One page of a list, in one shape everywhere, and never a long one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from quintet.errors import ValidationException

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

PAGE_SIZE = 20
PAGE_SIZE_MAX = 100
_LONGEST_NUMBER = 18


class Page(PageNumberPagination):
    """``{"results": […], "pagination": {…}}``: 20 at a time, at most 100 at any wish.

    ``next`` and ``previous`` are references relative to the host, so that they are right behind any
    gateway. A page that is no positive number is a 400, one behind the last a 404.
    """

    page_size = PAGE_SIZE
    page_size_query_param = "page_size"
    max_page_size = PAGE_SIZE_MAX
    page_query_description = "Which page, from 1."
    page_size_query_description = f"How many on a page, {PAGE_SIZE_MAX} at most."

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        """Read one page, after both numbers have been judged."""
        for name in (self.page_query_param, self.page_size_query_param):
            _positive(request, name)
        try:
            return super().paginate_queryset(queryset, request, view=view)
        except NotFound:
            raise NotFound("There is no such page.") from None

    def get_page_size(self, request: Request) -> int:
        """The wish of the client, up to the cap."""
        wished = _positive(request, self.page_size_query_param)
        return min(wished or self.page_size, self.max_page_size)

    def get_page_number(
        self,
        request: Request,
        paginator: Any,  # noqa: ARG002 - DRF's signature
    ) -> int:
        """The page asked for; the word ``last`` is no number, and refused before."""
        return _positive(request, self.page_query_param) or 1

    def get_paginated_response(self, data: Any) -> Response:
        """The page with its place among the others."""
        page: Any = self.page
        return Response(
            {
                "results": data,
                "pagination": {
                    "page": page.number,
                    "page_size": page.paginator.per_page,
                    "count": page.paginator.count,
                    "pages": page.paginator.num_pages,
                    "next": self._reference(page.number + 1) if page.has_next() else None,
                    "previous": self._reference(page.number - 1) if page.has_previous() else None,
                },
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The same in OpenAPI."""
        number = {"type": "integer", "minimum": 0, "example": 1}
        reference = {"type": "string", "format": "uri-reference", "nullable": True, "example": None}
        size = {"minimum": 1, "maximum": PAGE_SIZE_MAX, "example": PAGE_SIZE}
        properties = {
            "page": {"type": "integer", "minimum": 1, "example": 1},
            "page_size": {"type": "integer", **size},
            "count": number,
            "pages": number,
            "next": reference,
            "previous": reference,
        }
        return {
            "type": "object",
            "required": ["results", "pagination"],
            "properties": {
                "results": schema,
                "pagination": {
                    "type": "object",
                    "required": list(properties),
                    "properties": properties,
                },
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The two query parameters, with their bounds."""
        bounds = {self.page_query_param: {}, self.page_size_query_param: {"maximum": PAGE_SIZE_MAX}}
        parameters = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            parameter["schema"].update({"minimum": 1, **bounds[parameter["name"]]})
        return parameters

    def _reference(self, number: int) -> str:
        here: Any = self.request
        return replace_query_param(here.get_full_path(), self.page_query_param, number)


def _positive(request: Request, name: str) -> int | None:
    raw = request.query_params.get(name)
    if raw is None:
        return None
    digits = raw.isascii() and raw.isdigit() and len(raw) <= _LONGEST_NUMBER
    if not digits or int(raw) < 1:
        message = f"{name} has to be a whole number from 1."
        raise ValidationException(message, {name: [message]})
    return int(raw)
