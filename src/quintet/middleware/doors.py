"""One pass, two doors: neighbouring middleware runs in one call, under WSGI and ASGI alike.

A middleware of the chassis is one concern of a request. Django would call them one inside the
other, with a guard against exceptions around each. Those that stand next to each other in
``MIDDLEWARE`` are joined instead: the outermost asks them in their order, and the others are never
called by Django. What each of them does, and the order, stay what ``MIDDLEWARE`` says.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.handlers.exception import response_for_exception

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

ABANDONED = 499
"""The status in log and metrics of a request whose client left before the answer."""

type_of_next = Callable[["HttpRequest"], Any]


class TwoDoors:
    """Calls ``refuse``, then ``enter``, the view, and ``leave``; ``abandon`` when none came back.

    What ``enter`` returns is handed to ``leave``: a middleware keeps nothing about a request on
    itself, since one instance serves all threads. ``abandon`` is reached only when something that
    is no ``Exception`` passes, such as the cancellation of a request whose client has gone.
    """

    sync_capable: ClassVar[bool] = True
    async_capable: ClassVar[bool] = True

    def __init__(self, get_response: type_of_next) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)
        inner = _neighbour(get_response)
        self.joined: tuple[TwoDoors, ...] = (self,) if inner is None else (self, *inner.joined)
        self.after: type_of_next = get_response if inner is None else inner.after

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self._answer_later(request)
        states: list[Any] = []
        try:
            response = self._admit(request, states)
            if response is None:
                response = self.after(request)
        except BaseException:
            self._abandon(request, states)
            raise
        return self._dismiss(request, response, states)

    async def _answer_later(self, request: HttpRequest) -> HttpResponseBase:
        states: list[Any] = []
        try:
            response = self._admit(request, states)
            if response is None:
                response = cast("HttpResponseBase", await self.after(request))
        except BaseException:
            self._abandon(request, states)
            raise
        return self._dismiss(request, response, states)

    def refuse(self, request: HttpRequest) -> HttpResponseBase | None:  # noqa: ARG002 - a hook
        """Answer at once, without asking anything further in."""
        return None

    def enter(self, request: HttpRequest) -> Any:  # noqa: ARG002 - a hook
        """Prepare, and return what ``leave`` or ``abandon`` will need."""
        return None

    def leave(
        self,
        request: HttpRequest,  # noqa: ARG002 - a hook
        response: HttpResponseBase,
        *,
        state: Any,  # noqa: ARG002 - a hook
    ) -> HttpResponseBase:
        """Finish the answer."""
        return response

    def abandon(self, request: HttpRequest, state: Any) -> None:
        """Tidy up after a request that will not be answered."""

    def _admit(self, request: HttpRequest, states: list[Any]) -> HttpResponseBase | None:
        """Let the request in, one concern after another, until one of them answers it."""
        for concern in self.joined:
            try:
                refused = concern.refuse(request)
                if refused is not None:
                    return refused
                states.append(concern.enter(request))
            except Exception as error:  # noqa: BLE001 - Django's own guard, which stands around all
                return response_for_exception(request, error)
        return None

    def _dismiss(
        self, request: HttpRequest, response: HttpResponseBase, states: list[Any]
    ) -> HttpResponseBase:
        """Let the answer out past those who let the request in, the innermost first."""
        for index in range(len(states) - 1, -1, -1):
            try:
                response = self.joined[index].leave(request, response, state=states[index])
            except Exception as error:  # noqa: BLE001 - as above
                response = response_for_exception(request, error)
        return response

    def _abandon(self, request: HttpRequest, states: list[Any]) -> None:
        for concern, state in reversed(list(zip(self.joined, states, strict=False))):
            concern.abandon(request, state)


def _neighbour(get_response: type_of_next) -> TwoDoors | None:
    """The middleware of the chassis that Django has wrapped to make this ``get_response``."""
    inner = getattr(get_response, "__wrapped__", None)
    joins = isinstance(inner, TwoDoors) and type(inner).__call__ is TwoDoors.__call__
    return cast("TwoDoors", inner) if joins else None
