"""What happens around every statement: the deadline is looked at, and the time is taken."""

from __future__ import annotations

import logging
import math
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from quintet import conf
from quintet.database import tally
from quintet.errors import DeadlineException
from quintet.resilience import deadline
from quintet.telemetry import buffering
from quintet.telemetry.logs import get_logger
from quintet.telemetry.statements import LONGEST_READ, shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STAGE = "database"

log = get_logger("quintet.database")
_logger = logging.getLogger("quintet.database")


class DeadlinePassed(DeadlineException, OperationalError):
    """The statement was not sent: nobody waits for it. Django undoes the transaction as for any."""


class Watched(BaseDatabaseWrapper):
    """Mixed into a backend of Django, in front of it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(watch)
        self.slow_seconds = conf.current().SLOW_QUERY_SECONDS or math.inf

    def prepare(self) -> None:
        """Do what a backend has to do before each statement."""

    def failed(self, error: DatabaseError) -> None:
        """Learn from an error what it says about the server."""

    def set_autocommit(
        self,
        autocommit: bool,  # noqa: FBT001 - Django's signature
        force_begin_transaction_with_broken_autocommit: bool = False,  # noqa: FBT001, FBT002 - as above
    ) -> None:
        """Leave a lost connection lost: Django would wait for another one to end a transaction."""
        if autocommit and self.connection is None and self.settings_dict["AUTOCOMMIT"]:
            self.validate_no_atomic_block()
            self.autocommit = True
            return
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, if anybody waits."""
        look_at_the_clock()
        return super().get_new_connection(conn_params)

    def _commit(self) -> None:
        look_at_the_clock()
        super()._commit()  # type: ignore[misc]  # the stubs leave it out


def watch(execute: Callable[..., Any], *statement: Any) -> Any:
    """Run one statement; Django calls this around each, see its "database instrumentation"."""
    connection: Watched = statement[-1]["connection"]
    look_at_the_clock()
    connection.prepare()
    began = time.perf_counter()
    try:
        return execute(*statement)
    except DatabaseError as error:
        connection.failed(error)
        raise
    finally:
        seconds = time.perf_counter() - began
        counted = tally.current()
        if counted is not None:
            counted.add(statement[0], seconds)
        if seconds >= connection.slow_seconds:
            log.warning("slow query", **_told(statement, seconds), place=tally.place())
        else:
            _mention(statement, seconds)


def _mention(statement: Sequence[Any], seconds: float) -> None:
    """Log a statement at debug, or keep it for the request: cheaply, since most are forgotten.

    Neither its values nor its cursor are kept: they may be large.
    """
    buffer = buffering.current()
    if logging.Logger.isEnabledFor(_logger, logging.DEBUG):  # for more than the buffer
        log.debug("statement", **_told(statement, seconds))
    elif buffer is not None:
        sql, *_, given = statement
        told = sql[:LONGEST_READ] if isinstance(sql, str) else ""
        alias = given["connection"].alias
        buffer.note(_logger, partial(_record, told, alias, seconds=seconds, created=time.time()))


def _record(sql: str, alias: str, *, seconds: float, created: float) -> logging.LogRecord:
    record = logging.LogRecord(_logger.name, logging.DEBUG, "", 0, "statement", (), None)
    record.created = created
    duration = round(seconds * 1000, 2)
    record.event_fields = {"sql": shape_of(sql), "duration_ms": duration, "database": alias}
    return record


def _told(statement: Sequence[Any], seconds: float) -> dict[str, Any]:
    """What was asked, without its values; text that is put together for a driver has them."""
    sql, *_, given = statement
    return {
        "sql": shape_of(sql) if isinstance(sql, str) else "",
        "duration_ms": round(seconds * 1000, 2),
        "rows": given["cursor"].rowcount,
        "database": given["connection"].alias,
    }


def look_at_the_clock() -> None:
    """Stop before something begins that nobody waits for."""
    if deadline.is_over():
        deadline.count(STAGE)
        raise DeadlinePassed("No time was left for the database.")
