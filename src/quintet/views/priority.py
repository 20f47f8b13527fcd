"""Which requests are let in when others are turned away."""

from __future__ import annotations

from typing import Any, TypeVar

from django.urls import Resolver404, resolve

V = TypeVar("V")

DECLARED = "quintet_priority"


def priority(view: V) -> V:
    """Let a view in when the process is nearly full: a function, a class, or an action of one.

    For what the business loses most by, such as paying; where everything has priority, nothing has.
    Outermost on a function. A class may say ``quintet_priority = True`` as well.
    """
    setattr(view, DECLARED, True)
    return view


def has_priority(request: Any) -> bool:
    """Find the view of a request that has not got as far as the URLs, and whether it says so."""
    try:
        view: Any = resolve(request.path_info, getattr(request, "urlconf", None)).func
    except Resolver404:
        return False
    owner = getattr(view, "cls", None) or getattr(view, "view_class", None)
    named = (view, owner, _action(view, owner, method=request.method))
    return any(getattr(one, DECLARED, False) for one in named)


def _action(view: Any, owner: Any, *, method: str) -> Any:
    """The method of a class that will answer; a viewset has its own names for them."""
    verb = "get" if method == "HEAD" else method.lower()
    return getattr(owner, (getattr(view, "actions", None) or {}).get(verb, verb), None)
