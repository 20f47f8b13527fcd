"""How large a body each route takes: one number for the service, another where a view says so."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from django.urls import Resolver404, URLResolver, get_resolver

from quintet import conf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ViewT = TypeVar("ViewT", bound="Callable[..., Any]")

DECLARED = "quintet_max_request_bytes"
_METHODS = ("post", "put", "patch", "delete")


def max_request_bytes(limit: int) -> Callable[[ViewT], ViewT]:
    """Let a view take bodies of ``limit`` bytes in place of ``MAX_REQUEST_BYTES``: more, or fewer.

    It decorates a function, a class, or a method such as an action of a viewset.
    """
    if limit < 0:
        raise ValueError(f"A body has no fewer than 0 bytes, and not {limit!r}.")

    def decorate(view: ViewT) -> ViewT:
        setattr(view, DECLARED, limit)
        return view

    return decorate


def limit_for(path: str, method: str | None, urlconf: Any = None) -> int:
    """The bytes that the body of a request may have; for an unknown URL, what the service takes.

    It finds the view by itself, since a body is judged before Django does. Most bodies are
    ``harmless``, and that costs nothing.
    """
    try:
        view = get_resolver(urlconf).resolve(path).func
    except Resolver404:
        view = None
    declared = _declared(view, str(method).lower())
    return conf.current().MAX_REQUEST_BYTES if declared is None else declared


def harmless(urlconf: Any = None) -> int:
    """The bytes that every route takes."""
    smallest = _smallest(urlconf or conf.of_django("ROOT_URLCONF"))
    limit = conf.current().MAX_REQUEST_BYTES
    return limit if smallest is None else min(limit, smallest)


@lru_cache(maxsize=8)
def _smallest(urlconf: Any) -> int | None:
    found = (_declared(view, each) for view in _views(get_resolver(urlconf)) for each in _METHODS)
    return min((limit for limit in found if limit is not None), default=None)


def _views(resolver: URLResolver) -> Iterator[Any]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from _views(entry)
        else:
            yield entry.callback


def _declared(view: Any, method: str) -> int | None:
    """What the action says comes before what its class says."""
    cls = getattr(view, "cls", None) or getattr(view, "view_class", None)
    action = getattr(view, "actions", {}).get(method, method)
    for holder in (getattr(cls, action, None), cls, view):
        declared: int | None = getattr(holder, DECLARED, None)
        if declared is not None:
            return declared
    return None
