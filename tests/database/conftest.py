"""A PostgreSQL of our own, which tests may freeze and kill."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from django.db import connections
from django.db.utils import ConnectionHandler

from quintet.database import connection as guarded
from quintet.embedded.postgres import Postgres
from quintet.resilience import deadline
from quintet.settings import derive
from tests.database.settings import environment


@pytest.fixture(scope="session")
def postgres():
    """One server for all tests: short paths, since a socket's name is short."""
    folder = Path(tempfile.mkdtemp(prefix="quintet-test-"))
    server = Postgres(folder / "postgres", durable=False)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def unblocked(django_db_blocker):
    """These tests bring their own connections, which pytest-django does not know."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(autouse=True)
def no_deadline():
    with deadline.running(None):
        yield


def close_pool(connection):
    if hasattr(connection, "close_pool"):
        connection.close_pool()


@pytest.fixture
def connected():
    """Makes a connection of Django from an environment, and closes it with its pool.

    ``transaction.atomic("kept")`` finds the last one.
    """
    made = []

    def connect(**variables):
        handler = ConnectionHandler(derive.databases(environment(**variables)))
        connections["kept"] = handler["default"]
        made.append(handler["default"])
        close_pool(made[-1])  # that of the project has the same name, and may be open
        return made[-1]

    yield connect
    for connection in made:
        connection.close()
        if connection.connection is not None:  # Django keeps a database that is in memory
            connection.connection.close()
        close_pool(connection)
    if made:
        del connections["kept"]


@pytest.fixture
def prompt(monkeypatch):
    """A server that is asked to stop is heard however much else this machine has to do."""
    for name in ("CANCEL_SECONDS", "ANSWER_SECONDS", "GRACE_SECONDS"):
        monkeypatch.setattr(guarded, name, 10)


@pytest.fixture
def database(connected, postgres):
    """A pooled connection to PostgreSQL, as services have it."""
    return connected(DATABASE_URL=postgres.url())
