"""The route of a request: what it asked for, without the values it asked with."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpRequest

UNMATCHED = "<unmatched>"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD = "OTHER"


def route_of(request: HttpRequest) -> str:
    """The route as it stands in ``urls.py``, the same for all values in the path."""
    match = request.resolver_match
    return UNMATCHED if match is None else _written(match.route)


def method_of(request: HttpRequest) -> str:
    """The method, or ``OTHER``: a client may send any word as a method."""
    return request.method if request.method in METHODS else OTHER_METHOD


@lru_cache(maxsize=1024)
def _written(route: str) -> str:
    return "/" + route.replace("^", "").removesuffix("$").removesuffix("\\Z").lstrip("/")
