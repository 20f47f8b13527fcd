"""A pool whose connections work, and that is whole again as soon as the server is.

psycopg's own gives out connections whose server has gone, and doubles the pause between two
attempts to connect, up to minutes. While a server is away, every connection that was lost knocks at
its door; here one does for all.
"""

from __future__ import annotations

import math
import time
from typing import Any

from psycopg_pool import ConnectionPool, PoolTimeout
from psycopg_pool.base import AttemptWithBackoff

from quintet.database.connection import STAGE, GuardedConnection, too_late
from quintet.resilience import deadline
from quintet.telemetry.logs import get_logger

BRIEF_SECONDS = 0.1
"""How long a request waits for a server that has been away for longer than requests wait."""

DISTRUST_SECONDS = 1.0
"""How often all connections may be replaced at most."""

log = get_logger("quintet.database")


class Pool(ConnectionPool[GuardedConnection]):
    """Waits no longer than the request, and for a server that is long gone hardly at all."""

    def __init__(self, conninfo: str = "", **options: Any) -> None:
        self._failing_since: float | None = None
        self._leader: Attempt | None = None
        super().__init__(conninfo, connection_class=GuardedConnection, **options)

    def getconn(self, timeout: float | None = None) -> GuardedConnection:
        """Give a connection whose server has not said goodbye."""
        ends_at = time.monotonic() + self._patience(self.timeout if timeout is None else timeout)
        while True:
            try:
                found = super().getconn(ends_at - time.monotonic())
            except PoolTimeout:
                if not deadline.is_over():
                    raise
                deadline.count(STAGE)
                raise too_late() from None
            if found.is_alive():
                return found
            found.close()
            self.putconn(found)

    def distrust(self) -> None:
        """Replace all connections: one of them led to a server that is of no use any more."""
        if time.monotonic() - self._drained_at > DISTRUST_SECONDS:
            self.drain()

    def leads(self, attempt: Attempt) -> bool:
        """Whether this attempt is the one that goes on while the server is away."""
        with self._lock:
            if self._leader is None:
                self._leader = attempt
            return self._leader is attempt

    def _patience(self, seconds: float) -> float:
        since, alone = self._failing_since, self._nconns <= 1
        if alone and since is not None and time.monotonic() - since > seconds:
            seconds = BRIEF_SECONDS
        return deadline.bounded(seconds)

    def _connect(self, timeout: float | None = None) -> GuardedConnection:
        try:
            with deadline.running(None):  # whoever asked first must not hurry those who follow
                made = super()._connect(timeout)
        except Exception as error:
            if self._failing_since is None:
                self._failing_since = time.monotonic()
                log.warning("no connection to the database", pool=self.name, reason=str(error))
            raise
        since = self._failing_since
        self._failing_since = self._leader = None
        if since is not None:
            away = round(time.monotonic() - since, 2)
            log.warning("the database is back", pool=self.name, seconds=away)
        return made

    def _add_connection(self, attempt: AttemptWithBackoff | None, growing: bool = False) -> None:  # noqa: FBT001, FBT002 - psycopg's signature
        super()._add_connection(attempt or Attempt(self), growing)
        with self._lock:
            if self._waiting:  # since the server went away, nobody has made room for them
                self._maybe_grow_pool()

    def _maybe_grow_pool(self) -> None:
        if self._failing_since is None:
            super()._maybe_grow_pool()


class Attempt(AttemptWithBackoff):
    """Pauses of a tenth to half a second for the attempt that leads; the others are given up."""

    INITIAL_DELAY = 0.1
    LONGEST_DELAY = 0.5

    def __init__(self, pool: Pool) -> None:
        super().__init__(timeout=math.inf)
        self._pool = pool

    def update_delay(self, now: float) -> None:
        """Set the pause before the next attempt."""
        super().update_delay(now)
        self.delay = min(self.delay, self.LONGEST_DELAY)

    def time_to_give_up(self, now: float) -> bool:  # noqa: ARG002 - psycopg's signature
        """Leave it to the one that leads; when the server is back, the pool grows on demand."""
        return not self._pool.leads(self)
