"""Connections to Redis that wait no longer than their request.

``socket_timeout`` bounds each answer, whatever the request has left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.core.cache.backends.redis import RedisCacheClient
from redis.connection import AbstractConnection, Connection, SSLConnection
from redis.exceptions import TimeoutError as TooLate
from redis.utils import SENTINEL

from quintet.resilience import deadline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis import Redis

STAGE = "cache"
_LEAST_SECONDS = 0.001  # none would mean not to wait at all


class _Bounded(AbstractConnection):
    """Mixed into the connections of redis, in front of them."""

    socket_timeout: float | None
    socket_connect_timeout: float | None

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - redis' signature
        """Send it, if anybody waits for the answer."""
        deadline.check(STAGE)
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]  # it has none

    def read_response(self, *args: Any, timeout: Any = SENTINEL, **kwargs: Any) -> Any:
        """Read the answer, as long as anybody waits for it."""
        bounded = _bounded(self.socket_timeout)
        if timeout is SENTINEL and bounded != self.socket_timeout:
            timeout = bounded
        try:
            return super().read_response(*args, timeout=timeout, **kwargs)
        except TooLate as error:
            if deadline.is_over():
                raise deadline.exceeded(STAGE) from error
            raise

    def _connect(self) -> Any:
        usual = self.socket_connect_timeout
        self.socket_connect_timeout = _bounded(usual)
        try:
            return super()._connect()  # type: ignore[no-untyped-call,safe-super]  # the next one
        finally:
            self.socket_connect_timeout = usual


def _bounded(usual: float | None) -> float | None:
    """The usual time-out, which may be none, or what is left when that is less."""
    left = deadline.remaining()
    if left is None or (usual is not None and usual <= left):
        return usual
    return max(left, _LEAST_SECONDS)


class BoundedConnection(_Bounded, Connection):
    """A connection in the clear."""


class BoundedSSLConnection(_Bounded, SSLConnection):
    """An encrypted one."""


class BoundedClient(RedisCacheClient):
    """Uses these connections, and one client for all calls: Django makes one for each."""

    def __init__(self, servers: Sequence[str], **options: Any) -> None:
        secured = urlsplit(servers[0]).scheme == "rediss"
        kind = BoundedSSLConnection if secured else BoundedConnection
        super().__init__(list(servers), **{"connection_class": kind, **options})
        self._made: dict[int, Redis] = {}

    def get_client(self, key: Any = None, *, write: bool = False) -> Redis:  # noqa: ARG002 - Django's signature
        """The client of the pool that reads, or of the one that writes."""
        pool = self._get_connection_pool(write)  # type: ignore[attr-defined]  # no stub
        made = self._made.get(id(pool))
        if made is None:
            made = self._made[id(pool)] = self._client(connection_pool=pool)  # type: ignore[attr-defined]  # as above
        return made
