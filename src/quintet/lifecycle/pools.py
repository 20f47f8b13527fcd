"""Connections that a process keeps for all its threads, given back to the database at its end."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db import connections


class Usage(NamedTuple):
    """The connections of a pool, and who waits for one."""

    idle: int
    used: int
    waiting: int


def close_pools(seconds: float) -> None:
    """Close every pool of database connections that this process has opened.

    The database would notice by itself, and log each connection as lost. Nothing is asked of
    Django's ``pool``: it would make a pool where there is none.
    """
    for alias in connections:
        pool = _pools(alias).pop(alias, None)
        if pool is not None:
            pool.close(timeout=seconds)


def usage() -> dict[str, Usage]:
    """How each pool that this process has opened is used, by the name of its database."""
    return {
        alias: _usage(pool.get_stats())
        for alias in connections
        if (pool := _pools(alias).get(alias)) is not None
    }


def _pools(alias: str) -> dict[str, Any]:
    found: dict[str, Any] = getattr(connections[alias], "_connection_pools", {})
    return found


def _usage(stats: dict[str, int]) -> Usage:
    size, idle = stats.get("pool_size", 0), stats.get("pool_available", 0)
    return Usage(idle=idle, used=size - idle, waiting=stats.get("requests_waiting", 0))
