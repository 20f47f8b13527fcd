"""Django's backend for SQLite, bounded by the deadline; the module's name is Django's."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, OperationalError
from django.db.backends.sqlite3 import base

from quintet.database.statements import STAGE, DeadlinePassed, Watched
from quintet.resilience import deadline

STEPS = 100_000
"""Instructions of SQLite's machine between two looks at the clock: about a millisecond."""

BUSY_SECONDS = 5.0  # as Python's sqlite3 has it, where the options say nothing


class DatabaseWrapper(Watched, base.DatabaseWrapper):
    """Interrupts a statement at the deadline, and waits for a writer no longer than that."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Open the file, and look at the clock now and then."""
        connection = super().get_new_connection(conn_params)
        connection.set_progress_handler(deadline.is_over, STEPS)
        self._busy = self._patience = conn_params.get("timeout", BUSY_SECONDS)
        return connection

    def prepare(self) -> None:
        """Wait for another writer no longer than what is left, where that is less than usual."""
        seconds = deadline.bounded(self._patience)
        if seconds != self._busy:
            self._busy = seconds
            self.connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")

    def failed(self, error: DatabaseError) -> None:
        """Say it as what it is: interrupted, or tired of waiting for a writer, at the deadline."""
        if isinstance(error, OperationalError) and deadline.is_over():
            deadline.count(STAGE)
            raise DeadlinePassed("The time of the request was over.") from error
