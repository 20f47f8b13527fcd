from __future__ import annotations

import time

import pytest
from django.db import OperationalError, transaction

from quintet.database.statements import DeadlinePassed
from quintet.errors import DeadlineException, Kind
from quintet.resilience import deadline
from quintet.views.translation import translate
from tests.database.asking import asked, backend, frozen


@pytest.fixture(params=["postgresql", "sqlite"])
def either(request, connected, tmp_path):
    """A connection to each kind of database."""
    if request.param == "sqlite":
        return connected(DATABASE_URL=f"sqlite:///{tmp_path}/kept.sqlite3")
    return connected(DATABASE_URL=request.getfixturevalue("postgres").url())


@pytest.fixture
def table(either):
    asked(either, "DROP TABLE IF EXISTS kept_rows")
    asked(either, "CREATE TABLE kept_rows (n int)")
    yield either
    asked(either, "DROP TABLE kept_rows")


def over():
    return deadline.running(time.monotonic() - 1)


def rows(connection):
    return asked(connection, "SELECT n FROM kept_rows")


def insert_too_late(connection):
    with transaction.atomic("kept"):
        asked(connection, "INSERT INTO kept_rows VALUES (2)")
        deadline.bind(time.monotonic() - 1)


def lose(database):
    with transaction.atomic("kept"):
        database.ensure_connection()
        database.connection.close()
        asked(database, "SELECT 1")


def test_a_statement_that_nobody_waits_for_is_not_sent(table):
    counted = deadline.EXCEEDED.labels("database")._value
    before = counted.get()

    with over(), pytest.raises(DeadlinePassed):
        asked(table, "INSERT INTO kept_rows VALUES (1)")

    assert counted.get() == before + 1
    assert rows(table) == []


def test_a_passed_deadline_is_an_error_of_the_request_and_of_the_database():
    error = DeadlinePassed("late")

    assert isinstance(error, DeadlineException)
    assert isinstance(error, OperationalError)
    assert translate(error).kind is Kind.DEADLINE


def test_a_connection_that_nobody_waits_for_is_not_opened(either):
    with over(), pytest.raises(DeadlinePassed):
        either.ensure_connection()

    assert either.connection is None


def test_a_transaction_that_nobody_waits_for_is_undone(table):
    with deadline.running(None), pytest.raises(DeadlinePassed):
        insert_too_late(table)

    assert rows(table) == []


def test_a_savepoint_that_nobody_waits_for_undoes_the_whole(table):
    with deadline.running(None), transaction.atomic("kept"):
        asked(table, "INSERT INTO kept_rows VALUES (1)")
        with pytest.raises(DeadlinePassed):
            insert_too_late(table)

    assert rows(table) == []


def test_a_connection_that_was_lost_in_a_transaction_is_not_replaced_to_end_it(database):
    """Django asks for another one only to turn its autocommit on."""
    with pytest.raises(OperationalError):
        lose(database)

    assert database.connection is None
    assert database.get_autocommit()


def test_autocommit_that_is_off_by_default_is_turned_on_for_real(database):
    database.settings_dict["AUTOCOMMIT"] = False

    database.set_autocommit(True)

    assert database.connection.autocommit


def test_a_frozen_server_is_not_usable(database):
    with frozen(backend(database)):
        assert not database.is_usable()
    database.close()
