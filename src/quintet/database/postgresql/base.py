"""Django's backend for PostgreSQL over guarded connections; the module's name is Django's."""

from __future__ import annotations

from datetime import UTC
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from psycopg import adapters
from psycopg.adapt import AdaptersMap, Loader
from psycopg.pq import Format

from quintet.database import driver
from quintet.database.statements import Watched
from quintet.resilience import deadline

if TYPE_CHECKING:
    from psycopg.abc import AdaptContext

    from quintet.database.pool import Pool

USABLE_SECONDS = 1.0
_READ_ONLY = "25006"
_TIMESTAMP = adapters.types["timestamptz"].oid
_FASTEST: Any = adapters.get_loader(_TIMESTAMP, Format.TEXT)


class UTCLoader(Loader):
    """psycopg's own loader, in C where there is one, under the attribute that Django looks for.

    Django derives a loader in Python to put its time zone in place of that of the session. They are
    the same when both are UTC, and a page of rows is read four times as fast.
    """

    timezone = UTC

    def __new__(cls, oid: int, context: AdaptContext | None = None) -> Any:
        """Make the other loader: a class in C cannot be derived from."""
        return _FASTEST(oid, context)


class DatabaseWrapper(Watched, base.DatabaseWrapper):
    """Bounds what it does by the deadline, and drops connections that have lost their server."""

    Database = driver

    @property
    def pool(self) -> Pool | None:
        """The pool of this process and alias, made when it is first asked for."""
        options = self.settings_dict["OPTIONS"].get("pool")
        if self.alias == NO_DB_ALIAS or not options:
            return None
        pools = cast("dict[str, Pool]", self._connection_pools)  # type: ignore[attr-defined]  # no stub
        if self.alias not in pools:
            # Threads may come here at once: one pool wins, the others were never opened.
            pools.setdefault(self.alias, self._new_pool({} if options is True else options))
        return pools[self.alias]

    def _new_pool(self, options: dict[str, Any]) -> Pool:
        from quintet.database.pool import Pool  # late: psycopg_pool is an extra of its own

        if self.settings_dict.get("CONN_MAX_AGE", 0) != 0:
            raise ImproperlyConfigured("A pool keeps connections itself: set CONN_MAX_AGE to 0.")
        checks = self.settings_dict["CONN_HEALTH_CHECKS"]
        return Pool(
            kwargs={**self.get_connection_params(), "autocommit": True},
            open=False,
            configure=self._configure_connection,  # type: ignore[attr-defined]  # no stub
            **{"check": Pool.check_connection if checks else None, **options},
        )

    def get_connection_params(self) -> dict[str, Any]:
        """Django's, with the fast loader where it reads the same."""
        params = super().get_connection_params()
        if self.timezone is UTC:
            params["context"] = _with_fast_loader(params["context"])
        return params

    def is_usable(self) -> bool:
        """Ask the server, which may be frozen; Django asks after a request, without a deadline."""
        with deadline.within(USABLE_SECONDS):
            return super().is_usable()

    def failed(self, error: BaseException) -> None:
        """Look for another server when this one has become a replica."""
        if getattr(error.__cause__, "sqlstate", None) == _READ_ONLY and self.pool is not None:
            self.pool.distrust()


@lru_cache
def _with_fast_loader(template: AdaptersMap) -> AdaptersMap:
    fast = AdaptersMap(template)
    fast.register_loader(_TIMESTAMP, cast("Any", UTCLoader))  # abstract as it is, it is never made
    return fast
