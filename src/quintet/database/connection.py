"""A connection of psycopg on which every wait ends with the deadline of the request.

A server that is frozen still acknowledges what arrives, since its kernel does; so neither
``statement_timeout`` nor ``tcp_user_timeout`` ever fires. Only whoever waits can stop waiting.
"""

from __future__ import annotations

import math
import re
import select
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import capabilities, errors, generators
from psycopg.pq import ExecStatus, TransactionStatus

from quintet.resilience import deadline

if TYPE_CHECKING:
    from psycopg.abc import PQGen, PQGenConn

STAGE = "database"
GRACE_SECONDS = 0.05
"""What a rollback is given after the deadline, so that the connection can be used again."""

CANCEL_SECONDS = 0.05
ANSWER_SECONDS = 0.03
"""How long the server has to hear that nobody waits, and to say that it has stopped. A server that
says nothing loses the connection; both together keep an answer within 100 ms of its deadline."""

_INTERVAL = 0.1  # after which a wait looks up, as in psycopg itself
_STATEMENT = re.compile(r"\bstatement_timeout=(\d+)(?:\s|$)")

ReturnT = TypeVar("ReturnT")


class QueryOverdue(errors.QueryCanceled):
    """Nobody waits for this statement any more; whether it was done is not known."""


class GuardedConnection(psycopg.Connection[Any]):
    """Gives up at the deadline: statements, rows that are fetched, COMMIT, and connecting.

    A transaction tells the server what is left, in the same message as its BEGIN: for the case that
    this process dies, or that the server does not hear that it should stop.
    """

    def wait(
        self, gen: PQGen[ReturnT], interval: float = _INTERVAL, timeout: float | None = None
    ) -> ReturnT:
        """Wait until ``gen`` is done, the deadline has passed, or ``timeout``."""
        left = deadline.remaining()
        if left is None:
            return super().wait(gen, interval, timeout)
        if timeout is not None and timeout <= left:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, max(0.0, left))
        except errors._WaitTimeout:  # noqa: SLF001 - made for whoever passes a time-out
            return self._give_up(gen)

    def rollback(self) -> None:
        """Roll back, after the deadline too: the connection can be used again then."""
        with deadline.granting(GRACE_SECONDS):
            super().rollback()

    def _give_up(self, gen: PQGen[ReturnT]) -> ReturnT:
        """Tell the server to stop, and take what it says if it says it at once.

        An answer that was on its way is an answer, and better than not knowing.
        """
        deadline.count(STAGE)
        if self._was_told_to_stop():
            try:
                return super().wait(gen, _INTERVAL, ANSWER_SECONDS)
            except errors.QueryCanceled as stopped:
                raise too_late() from stopped
            except errors._WaitTimeout:  # noqa: SLF001 - as above
                pass
        self._abandon()
        raise too_late()

    def _was_told_to_stop(self) -> bool:
        if not capabilities.has_cancel_safe():
            return False  # an older library would wait for a frozen server without end
        try:
            self.cancel_safe(timeout=CANCEL_SECONDS)
        except psycopg.Error:
            return False
        return True

    def _abandon(self) -> None:
        """Hang up on a server that says nothing, and let the pool look at its other connections."""
        self.close()
        distrust = getattr(getattr(self, "_pool", None), "distrust", None)
        if distrust is not None:
            distrust()

    def is_alive(self) -> bool:
        """Whether an idle connection has heard nothing: what a server says unasked is goodbye.

        The rest is news of changed settings, which a new connection has as well. The kernel is
        asked and not the server, so that it costs a microsecond.
        """
        if self.closed:
            return False
        heard = select.poll()
        heard.register(self.pgconn.socket, select.POLLIN)
        return not heard.poll(0)

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> PQGenConn[GuardedConnection]:
        """Look at the clock whenever psycopg does, which knows only whole seconds itself."""
        connecting = super()._connect_gen(conninfo)
        try:
            waits_for = next(connecting)
            while True:
                ready = yield waits_for
                if deadline.is_over():
                    raise too_late()
                waits_for = connecting.send(ready)
        except StopIteration as connected:
            made: GuardedConnection = connected.value
            return made

    def _start_query(self) -> PQGen[None]:
        """Begin a transaction, if one has to be begun, with the limit that its request has."""
        limit = self._limit()
        begins = not self._autocommit and not self._pipeline
        if not (limit and begins and self.pgconn.transaction_status == TransactionStatus.IDLE):
            yield from super()._start_query()
            return
        self.pgconn.send_query(self._get_tx_start_command() + limit)
        for result in (yield from generators.execute(self.pgconn)):
            if result.status != ExecStatus.COMMAND_OK:
                raise errors.error_from_result(result, encoding=self.pgconn._encoding)  # noqa: SLF001 - psycopg's own way

    def _limit(self) -> bytes:
        """What to send behind BEGIN when less is left than a statement may take.

        It fires a little after the deadline, for a client that is not there to see to it itself.
        Waiting for a lock is a part of the statement, and needs no limit of its own.
        """
        left = deadline.remaining()
        if left is None or left >= self._statement_seconds:
            return b""
        return b";SET LOCAL statement_timeout=%d" % (max(0.0, left + GRACE_SECONDS) * 1000 + 1)

    @cached_property
    def _statement_seconds(self) -> float:
        """The limit that this connection was opened with; one of the role is left alone."""
        found = _STATEMENT.search(self.pgconn.options.decode())
        return 0.0 if found is None else int(found[1]) / 1000 or math.inf


def too_late() -> QueryOverdue:
    """Make the error for what was given up at the deadline."""
    return QueryOverdue("The time of the request was over.")
