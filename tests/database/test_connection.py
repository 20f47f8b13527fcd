from __future__ import annotations

import time

import psycopg
import pytest
from django.db import DataError, transaction
from django.db.models import BinaryField

from quintet.database import connection as guarded
from quintet.database.connection import GuardedConnection, QueryOverdue
from quintet.errors import Kind
from quintet.resilience import deadline
from quintet.views.translation import translate
from tests.database.asking import asked, backend, frozen, spent

HOLDS_SECONDS = 0.3
LATE_SECONDS = 1.0  # generous: the machine that runs the tests has other work, too


def sleep(database):
    return lambda: asked(database, "SELECT pg_sleep(30)")


def test_a_frozen_server_is_given_up_at_the_deadline(database):
    with frozen(backend(database)):
        error, seconds = spent(HOLDS_SECONDS, lambda: asked(database, "SELECT 1"))

    assert isinstance(error.__cause__, QueryOverdue)
    assert HOLDS_SECONDS <= seconds < LATE_SECONDS


def test_the_connection_to_a_frozen_server_is_not_used_again(database):
    lost = backend(database)
    with frozen(lost):
        spent(HOLDS_SECONDS, lambda: asked(database, "SELECT 1"))
        database.close()

        assert backend(database) != lost


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_the_end_of_a_transaction_is_given_up_at_the_deadline(database, ending):
    database.set_autocommit(False)
    pid = backend(database)

    with frozen(pid):
        error, seconds = spent(HOLDS_SECONDS, getattr(database, ending))

    assert isinstance(error.__cause__, QueryOverdue)
    assert HOLDS_SECONDS <= seconds < LATE_SECONDS


def test_rows_that_are_fetched_later_are_given_up_at_the_deadline(database):
    with transaction.atomic("kept"), database.chunked_cursor() as rows:
        rows.execute("SELECT generate_series(1, 10)")
        with frozen(backend(database)):
            _, seconds = spent(HOLDS_SECONDS, rows.fetchall)
        transaction.set_rollback(True, "kept")

    assert HOLDS_SECONDS <= seconds < LATE_SECONDS


def test_a_statement_that_takes_too_long_is_cancelled_and_its_connection_kept(database, prompt):
    pid = backend(database)

    error, seconds = spent(HOLDS_SECONDS, sleep(database))

    assert translate(error).kind is Kind.DEADLINE
    assert HOLDS_SECONDS <= seconds < LATE_SECONDS
    assert backend(database) == pid


def test_a_statement_that_was_given_up_is_not_worked_on(database, postgres, prompt):
    pid = backend(database)
    spent(HOLDS_SECONDS, sleep(database))

    with postgres.connect() as operator:
        state = operator.execute("SELECT state FROM pg_stat_activity WHERE pid = %s", [pid])
        assert state.fetchone() == ("idle",)


def test_a_server_that_cannot_be_told_loses_its_connection(database, monkeypatch):
    """libpq knows how to cancel without waiting for ever since version 17."""
    monkeypatch.setattr(guarded.capabilities, "has_cancel_safe", lambda: False)
    pid = backend(database)

    spent(HOLDS_SECONDS, sleep(database))
    database.close()

    assert backend(database) != pid


def test_what_is_given_up_is_counted(database):
    counted = deadline.EXCEEDED.labels("database")._value
    before = counted.get()

    spent(HOLDS_SECONDS, sleep(database))

    assert counted.get() == before + 1


def test_a_transaction_is_undone_and_its_connection_kept(database, prompt):
    asked(database, "CREATE TEMPORARY TABLE kept (n int)")
    pid = backend(database)

    def write():
        with transaction.atomic("kept"):
            asked(database, "INSERT INTO kept VALUES (1)")
            asked(database, "SELECT pg_sleep(30)")

    counted = deadline.EXCEEDED.labels("database")._value
    before = counted.get()
    spent(HOLDS_SECONDS, write)

    assert backend(database) == pid
    assert asked(database, "SELECT * FROM kept") == []
    assert counted.get() == before + 1  # the statement; the ROLLBACK had the time that it needed


def test_an_answer_that_is_on_its_way_at_the_deadline_is_an_answer(database, prompt, monkeypatch):
    """The statement ends while it is being cancelled: what it did is known then."""
    connection = raw(database)
    monkeypatch.setattr(connection, "cancel_safe", lambda *, timeout: time.sleep(0.2))

    with deadline.within(0.1):
        assert asked(database, "SELECT pg_sleep(0.2), 7") == [("", 7)]


def test_a_mistake_that_is_found_at_the_deadline_stays_a_mistake(database, prompt, monkeypatch):
    monkeypatch.setattr(raw(database), "cancel_safe", lambda *, timeout: None)

    wrong = "SELECT 1 / (pg_sleep(0.2)::text)::int"
    error, _ = spent(0.1, lambda: asked(database, wrong), raised=DataError)

    assert translate(error).kind is Kind.INTERNAL


def raw(database):
    database.ensure_connection()
    return database.connection


def test_a_transaction_tells_the_server_what_is_left(database):
    with deadline.within(5), transaction.atomic("kept"):
        inside = asked(database, "SHOW statement_timeout")[0][0]

    assert 4000 <= int(inside.removesuffix("ms")) <= 5100
    assert asked(database, "SHOW statement_timeout") == [("15s",)]


@pytest.mark.parametrize("seconds", [None, 60])
def test_a_limit_is_never_raised(database, seconds):
    ends_at = None if seconds is None else time.monotonic() + seconds
    with deadline.running(ends_at), transaction.atomic("kept"):
        assert asked(database, "SHOW statement_timeout") == [("15s",)]


def test_a_limit_that_was_switched_off_is_replaced(connected, postgres):
    database = connected(DATABASE_URL=postgres.url(), DATABASE_STATEMENT_SECONDS="0")

    with deadline.within(5), transaction.atomic("kept"):
        assert asked(database, "SHOW statement_timeout") != [("0",)]


def test_a_limit_that_is_not_known_is_left_alone(connected, postgres):
    database = connected(DATABASE_URL=f"{postgres.url()}?options=-c%20statement_timeout%3D3s")

    with deadline.within(5), transaction.atomic("kept"):
        assert asked(database, "SHOW statement_timeout") == [("3s",)]


def test_a_transaction_that_cannot_begin_says_why(database):
    database.set_autocommit(False)
    connection = raw(database)
    connection._begin_statement = b"BEGIN PERHAPS"

    error, _ = spent(5, lambda: asked(database, "SELECT 1"), raised=Exception)

    assert "PERHAPS" in str(error)


def test_connecting_to_a_frozen_server_is_given_up_at_the_deadline(postgres):
    with frozen(postgres.process.pid):
        error, seconds = spent(
            HOLDS_SECONDS, lambda: GuardedConnection.connect(postgres.url()), raised=psycopg.Error
        )

    assert isinstance(error, QueryOverdue)
    assert HOLDS_SECONDS <= seconds < LATE_SECONDS


def test_a_connection_without_a_pool_is_closed(postgres):
    connected = GuardedConnection.connect(postgres.url(), autocommit=True)

    with connected as connection:
        with frozen(connection.info.backend_pid):
            spent(HOLDS_SECONDS, lambda: connection.execute("SELECT 1"), raised=QueryOverdue)

        assert connection.closed


def test_a_shorter_time_out_of_the_caller_is_kept(postgres):
    with (
        GuardedConnection.connect(postgres.url(), autocommit=True) as connection,
        deadline.within(30),
    ):
        assert list(connection.notifies(timeout=0.05)) == []


def test_an_idle_connection_is_alive(postgres):
    with GuardedConnection.connect(postgres.url()) as connection:
        assert connection.is_alive()


def test_a_connection_that_was_ended_by_the_server_is_not_alive(postgres):
    connection = GuardedConnection.connect(postgres.url(), autocommit=True)
    with postgres.connect() as operator:
        operator.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])

    assert not connection.is_alive()
    connection.close()
    assert not connection.is_alive()


def test_a_binary_field_can_be_written(database):
    """Django asks its driver for the type; ours has to have all that it is asked for."""
    written = BinaryField().get_db_prep_value(b"\x00\xff", connection=database)

    assert asked(database, "SELECT %s::bytea", written) == [(b"\x00\xff",)]
