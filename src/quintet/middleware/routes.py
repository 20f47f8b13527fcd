"""The route of a request: what it asked for, without the values it asked with."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpRequest

UNMATCHED = "<unmatched>"
_ANCHOR = re.compile(r"(?<!\[)\^")  # and not the ^ that negates a set of characters


def route_of(request: HttpRequest) -> str:
    """The route as it stands in ``urls.py``, the same for all values in the path."""
    match = request.resolver_match
    return UNMATCHED if match is None else _written(match.route)


@lru_cache(maxsize=1024)
def _written(route: str) -> str:
    return "/" + _ANCHOR.sub("", route).removesuffix("$").removesuffix("\\Z").lstrip("/")
