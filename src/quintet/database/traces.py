"""A span for every statement of a request that is recorded: its shape, and never its values."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db.backends.signals import connection_created

from quintet.telemetry import traces
from quintet.telemetry.statements import operation_of, shape_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.backends.base.base import BaseDatabaseWrapper


def trace_statements() -> None:
    """Trace the statements of every connection that is opened from now on, whatever its backend."""
    connection_created.connect(_wrap, dispatch_uid="quintet.database.traces")


def _wrap(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    if traced not in connection.execute_wrappers:  # it was opened before, with another connection
        connection.execute_wrappers.append(traced)


def traced(execute: Callable[..., Any], sql: Any, *statement: Any) -> Any:
    """Run one statement; Django calls this around each, see its "database instrumentation"."""
    if not traces.current().recording:
        return execute(sql, *statement)
    connection: BaseDatabaseWrapper = statement[-1]["connection"]
    settings = connection.settings_dict
    where = _where(connection.vendor, str(settings["NAME"]), str(settings["HOST"]))
    # What is put together for psycopg alone is no text, and has its values in it.
    shape = shape_of(sql) if isinstance(sql, str) else ""
    operation = operation_of(shape)
    with traces.span(f"{operation} {where['db.namespace']}".strip(), kind="client") as span:
        span.describe({**where, "db.operation.name": operation, "db.query.text": shape})
        return execute(sql, *statement)


@lru_cache
def _where(vendor: str, name: str, host: str) -> dict[str, str]:
    """The database: its kind, its name, and its host unless it is a socket or a file."""
    where = {"db.system.name": vendor, "db.namespace": name.rpartition("/")[2]}
    if host and not host.startswith("/"):
        where["server.address"] = host
    return where
