"""One middleware, two doors: the same plain methods serve WSGI and ASGI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction

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

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self._answer_later(request)
        refused = self.refuse(request)
        if refused is not None:
            return refused
        state = self.enter(request)
        try:
            response = self.get_response(request)
        except BaseException:
            self.abandon(request, state)
            raise
        return self.leave(request, response, state=state)

    async def _answer_later(self, request: HttpRequest) -> HttpResponseBase:
        refused = self.refuse(request)
        if refused is not None:
            return refused
        state = self.enter(request)
        try:
            response = cast("HttpResponseBase", await self.get_response(request))
        except BaseException:
            self.abandon(request, state)
            raise
        return self.leave(request, response, state=state)

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
