"""Whether the schema is the one that this code was written for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import InterfaceError, OperationalError, connections
from django.db.migrations.executor import MigrationExecutor

from quintet.health.results import CheckResult
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

log = get_logger("quintet.health")


class Migrations:
    """Nothing is left to migrate; looked at until that is so, and never again.

    A schema that is ahead of the code is fine: it is what an old version sees during a deployment.
    """

    def __init__(self, aliases: Sequence[str]) -> None:
        self._left = list(aliases)
        self._said: list[str] = []

    def __call__(self) -> CheckResult:
        while self._left:
            try:
                pending = _pending(self._left[0])
            except (OperationalError, InterfaceError) as error:
                # The check of the database says it, with a traceback.
                return CheckResult(healthy=False, details={"error": type(error).__name__})
            if pending:
                self._say(pending)
                return CheckResult(healthy=False, details={"error": "pending", "pending": pending})
            self._left.pop(0)
        return CheckResult(healthy=True)

    def _say(self, pending: list[str]) -> None:
        if pending != self._said:
            self._said = pending
            log.warning("migrations are pending: run manage.py migrate", pending=pending)


def _pending(alias: str) -> list[str]:
    connection = connections[alias]
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    finally:
        connection.close()
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]
