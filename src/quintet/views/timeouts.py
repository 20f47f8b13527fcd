"""A view with a time of its own: an upload may take minutes, an autocompletion may not."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from asgiref.sync import iscoroutinefunction

from quintet.resilience import deadline

if TYPE_CHECKING:
    from collections.abc import Callable

ViewT = TypeVar("ViewT", bound="Callable[..., Any]")

ATTRIBUTE = "time_budget"
"""Where the middleware leaves when a request came, and how long its caller waits at most."""

Budget = tuple[float, float | None]


def ends_at(budget: Budget, seconds: float) -> float:
    """The deadline of a request that may take ``seconds``; the caller's patience is the end."""
    began_at, patience = budget
    return began_at + (seconds if patience is None else min(seconds, patience))


def timeout(seconds: float) -> Callable[[ViewT], ViewT]:
    """Let a view take ``seconds`` in place of ``REQUEST_TIMEOUT_SECONDS``: more, or less.

    It decorates a function, a method such as an action of a viewset, or a class with ``dispatch``.
    The seconds count from the moment at which the request came. What the caller said to wait is
    never exceeded, and what the server in front allows has to be more.
    """
    if not seconds > 0:
        raise ValueError(f"A view takes more than 0 seconds, not {seconds!r}.")

    def decorate(view: ViewT) -> ViewT:
        if isinstance(view, type):
            whole = cast("Any", view)
            whole.dispatch = decorate(whole.dispatch)
            return view
        timed = _later(view, seconds) if iscoroutinefunction(view) else _now(view, seconds)
        return cast("ViewT", timed)

    return decorate


def _now(view: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    @wraps(view)
    def timed(*args: Any, **kwargs: Any) -> Any:
        _bind(args, seconds)
        return view(*args, **kwargs)

    return timed


def _later(view: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    @wraps(view)
    async def timed(*args: Any, **kwargs: Any) -> Any:
        _bind(args, seconds)
        return await view(*args, **kwargs)

    return timed


def _bind(args: tuple[Any, ...], seconds: float) -> None:
    """Leave the unbinding to the middleware: rendering and streaming belong to the view as well."""
    for given in args[:2]:  # the request comes first, or after the object of a method
        budget = getattr(given, ATTRIBUTE, None)
        if budget is not None:
            deadline.bind(ends_at(budget, seconds))
            return
