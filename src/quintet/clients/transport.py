"""The seam below every client: something that sends a request and returns the response."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from quintet import wire
from quintet.clients import dependencies

if TYPE_CHECKING:
    from collections.abc import Iterator


class Transport(Protocol):
    """The seam: one method.

    It returns whatever answer there is, of any status, and raises ``UnavailableException``,
    ``DeadlineException`` or ``ExternalServiceException`` when there is none to return.
    """

    def send(self, request: wire.Request) -> wire.Response:
        """Send the request once and return the answer."""
        ...


class PooledTransport:
    """The real one: pooled connections over ``quintet.wire``."""

    def send(self, request: wire.Request) -> wire.Response:
        return wire.exchange(request)


class RecordingTransport:
    """Passes every request on to another transport and remembers it with its response."""

    def __init__(self, inner: Transport) -> None:
        self.exchanges: list[tuple[wire.Request, wire.Response]] = []
        self._inner = inner

    def send(self, request: wire.Request) -> wire.Response:
        response = self._inner.send(request)
        self.exchanges.append((request, response))
        return response


_transport: Transport = PooledTransport()


def current_transport() -> Transport:
    """The transport that clients use now."""
    return _transport


@contextmanager
def use_transport(transport: Transport) -> Iterator[None]:
    """Let every client use ``transport`` within the block, in every thread.

    What is known of other services is forgotten with the transport that it was learnt on.
    """
    global _transport  # noqa: PLW0603 - the one reference that a test replaces
    before, _transport = _transport, transport
    dependencies.forget()
    try:
        yield
    finally:
        _transport = before
        dependencies.forget()
