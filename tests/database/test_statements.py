from __future__ import annotations

import logging
import time

import pytest
from django.db import OperationalError, transaction
from psycopg import sql

from quintet.database.statements import DeadlinePassed
from quintet.errors import DeadlineException, Kind
from quintet.resilience import deadline
from quintet.telemetry import buffering
from quintet.telemetry.buffering import Buffer
from quintet.views.translation import translate
from tests.database.asking import asked, backend, frozen
from tests.database.settings import environment


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


def slow(logs):
    return [line for line in logs if line["message"] == "slow query"]


def test_a_slow_query_is_told_by_its_shape_and_without_its_values(table, captured_logs):
    table.slow_seconds = 0
    secret = "hunter2"

    text = f"SELECT '{secret}' FROM kept_rows WHERE n = %s"  # noqa: S608 - what is to be hidden
    asked(table, text, 4711)

    (line,) = slow(captured_logs)
    assert line["sql"] == "SELECT ? FROM kept_rows WHERE n = %s"
    assert not {secret, "4711"} & set(str(line).replace("'", " ").split())
    assert line["duration_ms"] > 0
    assert line["database"] == "default"
    assert "asking:" in line["place"]


def test_a_slow_query_says_how_many_rows_came(postgres, database, captured_logs):
    database.slow_seconds = 0

    asked(database, "SELECT generate_series(1, 7)")

    assert slow(captured_logs)[0]["rows"] == 7


def test_a_query_that_is_given_up_is_slow(database, captured_logs):
    database.slow_seconds = 0.1
    with deadline.within(0.2), pytest.raises(OperationalError):
        asked(database, "SELECT pg_sleep(30)")

    assert len(slow(captured_logs)) == 1


def test_text_that_is_put_together_for_the_driver_is_not_shown(database, captured_logs):
    database.slow_seconds = 0
    asked(database, sql.SQL("SELECT {}").format(sql.Literal("hunter2")))

    (line,) = slow(captured_logs)
    assert line["sql"] == ""


def test_a_fast_query_is_not_told(either, captured_logs):
    asked(either, "SELECT 1")

    assert slow(captured_logs) == []


def test_no_query_is_slow_where_nobody_wants_to_know(settings, connected, postgres):
    settings.QUINTET = environment(SLOW_QUERY_SECONDS="0")

    database = connected(DATABASE_URL=postgres.url())

    assert database.slow_seconds == float("inf")


def test_the_statements_of_a_request_are_kept_with_its_debug_lines(table, captured_logs):
    buffering.watch({"quintet"})
    buffer = Buffer(10)

    with buffering.running(buffer):
        asked(table, "INSERT INTO kept_rows VALUES (4711)")
    assert captured_logs == []
    buffer.write()

    line = captured_logs[-1]
    assert (line["message"], line["level"], line["buffered"]) == ("statement", "DEBUG", True)
    assert line["sql"] == "INSERT INTO kept_rows VALUES (?)"
    assert line["duration_ms"] >= 0


def test_statements_are_logged_where_their_level_is(table, captured_logs):
    logging.getLogger("quintet.database").setLevel(logging.DEBUG)

    with buffering.running(Buffer(10)):
        asked(table, "INSERT INTO kept_rows VALUES (4711)")

    line = captured_logs[-1]
    assert (line["message"], line["rows"]) == ("statement", 1)
    assert "buffered" not in line
