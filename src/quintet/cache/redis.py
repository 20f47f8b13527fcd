"""Django's backend for Redis, bounded by the deadline; ``derive.caches`` names it.

A service that traces has a span around each call. The calls that are not here are made of those
that are, the asynchronous ones too. Keys are not recorded: what a caller wrote may be in them.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from django.core.cache.backends import redis

from quintet.cache.connections import BoundedClient
from quintet.telemetry import traces

if TYPE_CHECKING:
    from collections.abc import Callable

CallT = TypeVar("CallT", bound="Callable[..., Any]")


def traced(call: CallT) -> CallT:
    """Make a call to the cache a part of the request that it is made for."""
    operation = call.__name__

    @wraps(call)
    def called(self: TracedRedisCache, *args: Any, **kwargs: Any) -> Any:
        if not traces.current().recording:
            return call(self, *args, **kwargs)
        with traces.span(f"cache {operation}", kind="client") as span:
            span.describe({**self.where, "db.operation.name": operation})
            return call(self, *args, **kwargs)

    return cast("CallT", called)


class RedisCache(redis.RedisCache):
    """Waits no longer than its request."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = BoundedClient


class TracedRedisCache(RedisCache):
    """Tells how long the cache took, and that it failed."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        first = urlsplit(self._servers[0])  # type: ignore[attr-defined]  # no stub
        self.where: dict[str, str | int] = {
            "db.system.name": "redis",
            "server.address": first.hostname or "",
            "server.port": first.port or 6379,
        }

    add = traced(RedisCache.add)
    get = traced(RedisCache.get)
    set = traced(RedisCache.set)
    touch = traced(RedisCache.touch)
    delete = traced(RedisCache.delete)
    get_many = traced(RedisCache.get_many)
    set_many = traced(RedisCache.set_many)
    delete_many = traced(RedisCache.delete_many)
    has_key = traced(RedisCache.has_key)
    incr = traced(RedisCache.incr)
    clear = traced(RedisCache.clear)
