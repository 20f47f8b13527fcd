from __future__ import annotations

import threading
import time
from contextlib import ExitStack, closing, contextmanager

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.utils import ConnectionHandler

from quintet.database import pool as pools
from quintet.database.connection import GuardedConnection, QueryOverdue
from quintet.database.pool import Attempt, Pool
from quintet.embedded.postgres import Postgres
from quintet.errors import Kind
from quintet.resilience import deadline
from quintet.settings import derive
from quintet.views.translation import translate
from tests.database.asking import asked, backend, frozen, spent
from tests.database.settings import environment

CLOSED_PORT = 9  # discard: nobody serves it


@pytest.fixture(autouse=True)
def pools_of_its_own(monkeypatch):
    """Django knows pools by the alias alone, and the one of the test project is open, perhaps."""
    found = {}
    monkeypatch.setattr(DatabaseWrapper, "_connection_pools", found)
    yield
    for pool in found.values():
        pool.close()


@contextmanager
def opened(url, **options):
    pool = Pool(
        url,
        kwargs={"autocommit": True},
        open=False,
        **{"min_size": 1, "max_size": 3, "timeout": 5, **options},
    )
    pool.open()
    try:
        yield pool
    finally:
        pool.close()


@contextmanager
def borrowed(pool, count):
    with ExitStack() as stack:
        found = [pool.getconn() for _ in range(count)]
        for connection in found:
            stack.callback(pool.putconn, connection)
        yield found


def kill(postgres, *connections):
    with postgres.connect() as operator:
        for connection in connections:
            operator.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])


def test_a_connection_comes_back_to_the_pool(postgres):
    with opened(postgres.url(), max_size=1) as pool:
        with borrowed(pool, 1) as (first,):
            pass
        with borrowed(pool, 1) as (second,):
            assert second is first
            assert isinstance(second, GuardedConnection)


def test_idle_connections_whose_server_has_gone_are_never_given_out(postgres):
    """The stock pool gives them out; with its check it pauses a second between two of them."""
    with opened(postgres.url()) as pool:
        with borrowed(pool, 3) as dead:
            pass
        kill(postgres, *dead)
        began = time.monotonic()

        with borrowed(pool, 3) as alive:
            assert [each.execute("SELECT 1").fetchone() for each in alive] == [(1,)] * 3
        assert time.monotonic() - began < 1


def test_nobody_waits_longer_than_the_request(postgres):
    with opened(postgres.url(), max_size=1) as pool, borrowed(pool, 1):
        error, seconds = spent(0.2, pool.getconn, raised=QueryOverdue)

    assert translate(error.with_traceback(None)).kind is Kind.DEADLINE
    assert 0.2 <= seconds < 1


def test_a_pool_that_is_used_up_is_unavailable(postgres):
    with opened(postgres.url(), max_size=1, timeout=0.1) as pool, borrowed(pool, 1):
        error, _ = spent(30, pool.getconn, raised=pools.PoolTimeout)

    assert translate(error).kind is Kind.UNAVAILABLE


def test_a_server_that_is_long_gone_is_hardly_waited_for():
    url = f"postgres://nobody@127.0.0.1:{CLOSED_PORT}/none"
    with opened(url, timeout=0.5) as pool:
        waited = [spent(30, pool.getconn, raised=pools.PoolTimeout)[1] for _ in range(3)]

    assert waited[0] >= 0.5
    assert waited[2] < 0.5


def test_a_server_that_is_back_is_found_at_once(tmp_path):
    server = Postgres(tmp_path / "postgres", durable=False)
    server.start()
    try:
        with opened(server.url(), timeout=30) as pool:
            with borrowed(pool, 1):
                server.stop()
            threading.Event().wait(2)  # the stock pool would pause for two or four seconds by now
            server.start()
            began = time.monotonic()
            with borrowed(pool, 1) as (found,):
                assert found.execute("SELECT 1").fetchone() == (1,)
            assert time.monotonic() - began < 2
    finally:
        server.stop()


def test_the_pauses_between_attempts_stay_short():
    attempt, pauses = Attempt(Pool(open=False)), []
    for now in range(8):
        attempt.update_delay(float(now))
        pauses.append(attempt.delay)

    assert pauses == sorted(pauses)
    assert 0.09 <= pauses[0] <= 0.11
    assert pauses[-1] == Attempt.LONGEST_DELAY


def test_one_attempt_is_made_for_all_while_the_server_is_away():
    """The stock pool makes one for each connection that was lost, at the same time."""
    pool = Pool(open=False)
    leading, following = Attempt(pool), Attempt(pool)

    assert not leading.time_to_give_up(0)
    assert following.time_to_give_up(0)
    assert not leading.time_to_give_up(10_000)


def test_a_pool_that_has_shrunk_grows_again_for_all_who_wait(tmp_path):
    server = Postgres(tmp_path / "postgres", durable=False)
    server.start()
    try:
        with opened(server.url(), timeout=30) as pool:
            with borrowed(pool, 3):
                server.stop()
            waiting = [threading.Thread(target=lambda: found.append(pool.getconn())) for _ in "123"]
            found = []
            for thread in waiting:
                thread.start()
            threading.Event().wait(0.5)
            shrunk = pool.get_stats()["pool_size"]
            server.start()
            for thread in waiting:
                thread.join(10)
            for connection in found:
                pool.putconn(connection)
    finally:
        server.stop()

    assert shrunk == 1
    assert len(found) == 3


def test_an_outage_is_told_once_when_it_begins_and_once_when_it_ends(tmp_path, captured_logs):
    server = Postgres(tmp_path / "postgres", durable=False)
    server.start()
    try:
        with opened(server.url(), timeout=30) as pool:
            with borrowed(pool, 3):
                server.stop()
            spent(1, pool.getconn, raised=QueryOverdue)
            server.start()
            with borrowed(pool, 1):
                pass
    finally:
        server.stop()

    told = [line["message"] for line in captured_logs if line["logger"] == "quintet.database"]
    assert told == ["no connection to the database", "the database is back"]


def test_connections_are_not_made_in_the_time_of_the_request_that_asked_first(postgres):
    with opened(postgres.url()) as pool, deadline.running(time.monotonic() - 1):
        with closing(pool._connect()) as made:
            assert made.is_alive()
        assert deadline.is_over()


def test_a_server_that_answers_nobody_costs_all_connections_once(postgres):
    with opened(postgres.url()) as pool:
        with borrowed(pool, 2):
            pass
        pool._drained_at = 0
        pool.distrust()
        drained_at = pool._drained_at
        pool.distrust()

        assert drained_at > 0
        assert pool._drained_at == drained_at


def test_the_pool_of_a_frozen_connection_is_replaced(database):
    database.ensure_connection()
    pool = database.pool
    pool._drained_at = 0

    with frozen(backend(database)):
        spent(0.2, lambda: asked(database, "SELECT 1"))

    assert pool._drained_at > 0


@pytest.mark.parametrize("read_only", [True, False])
def test_a_server_that_became_a_replica_is_left(database, read_only):
    asked(database, "CREATE TEMPORARY TABLE here (n int)")
    asked(database, "SET default_transaction_read_only = on" if read_only else "SELECT 1")
    database.pool._drained_at = 0

    error, _ = spent(
        30, lambda: asked(database, "CREATE TABLE quintet_new (n nothing)"), raised=Exception
    )

    assert (database.pool._drained_at > 0) is read_only
    assert (translate(error).kind is Kind.UNAVAILABLE) is read_only


def test_a_database_without_a_pool_is_not_pooled(connected, postgres):
    databases = derive.databases(environment(DATABASE_URL=postgres.url()))
    databases["default"]["OPTIONS"]["pool"] = False
    database = ConnectionHandler(databases)["default"]

    assert database.pool is None
    assert asked(database, "SELECT 1") == [(1,)]
    assert isinstance(database.connection, GuardedConnection)
    database.close()


def test_a_pool_with_the_defaults_of_psycopg_is_made(postgres):
    databases = derive.databases(environment(DATABASE_URL=postgres.url()))
    databases["default"]["OPTIONS"]["pool"] = True
    database = ConnectionHandler(databases)["default"]

    assert asked(database, "SELECT 1") == [(1,)]
    database.close()
    database.close_pool()


def test_a_pool_and_connections_that_are_kept_do_not_go_together(postgres):
    databases = derive.databases(environment(DATABASE_URL=postgres.url()))
    databases["default"]["CONN_MAX_AGE"] = 60

    with pytest.raises(ImproperlyConfigured, match="CONN_MAX_AGE"):
        ConnectionHandler(databases)["default"].pool  # noqa: B018 - it is a property


def test_connections_are_checked_by_the_server_where_that_is_wanted(postgres):
    databases = derive.databases(environment(DATABASE_URL=postgres.url()))
    databases["default"]["CONN_HEALTH_CHECKS"] = True
    database = ConnectionHandler(databases)["default"]

    assert database.pool._check == Pool.check_connection
    database.close_pool()


def test_a_service_starts_while_its_database_is_down(connected):
    database = connected(DATABASE_URL=f"postgres://nobody@127.0.0.1:{CLOSED_PORT}/none")
    database.pool.timeout = 0.1

    error, _ = spent(30, lambda: asked(database, "SELECT 1"))

    assert isinstance(error, OperationalError)
    assert translate(error).kind is Kind.UNAVAILABLE
