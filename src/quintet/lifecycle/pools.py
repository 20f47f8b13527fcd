"""Connections that a process keeps for all its threads, given back to the database at its end."""

from __future__ import annotations

from typing import Any

from django.db import connections


def close_pools(seconds: float) -> None:
    """Close every pool of database connections that this process has opened.

    The database would notice by itself, and log each connection as lost. Nothing is asked of
    Django's ``pool``: it would make a pool where there is none.
    """
    for alias in connections:
        pools: dict[str, Any] = getattr(connections[alias], "_connection_pools", {})
        pool = pools.pop(alias, None)
        if pool is not None:
            pool.close(timeout=seconds)
