from __future__ import annotations

import pytest
from django.db import IntegrityError
from django.db.backends.signals import connection_created

from quintet.database.traces import trace_statements
from quintet.telemetry import traces
from tests.database.asking import asked


@pytest.fixture(autouse=True)
def statements_are_traced():
    trace_statements()
    yield
    connection_created.disconnect(dispatch_uid="quintet.database.traces")


def test_a_statement_is_a_part_of_its_request_without_its_values(database, collector):
    with traces.whole("request"):
        asked(database, "SELECT %s::text, 'hunter2'", "hunter2")

    part = collector.named("SELECT postgres")
    assert (part.parent_id, part.kind) == (collector.named("request").span_id, "client")
    assert part.attributes == {
        "db.system.name": "postgresql",
        "db.namespace": "postgres",
        "db.operation.name": "SELECT",
        "db.query.text": "SELECT %s::text, ?",
        "server.address": "127.0.0.1",
    }
    assert b"hunter2" not in b"".join(collector.bodies)


def test_a_statement_that_fails_says_why_and_repeats_no_row(database, collector):
    name = "hunter2"  # the traceback shows the lines of the source, with whatever stands in them
    asked(database, "CREATE TEMPORARY TABLE pets (name text PRIMARY KEY)")
    asked(database, "INSERT INTO pets VALUES (%s)", name)
    with pytest.raises(IntegrityError), traces.whole("request"):
        asked(database, "INSERT INTO pets VALUES (%s)", name)

    part = collector.named("INSERT postgres")
    assert (part.failed, part.attributes["error.type"]) == (True, "IntegrityError")
    assert collector.named("request").failed
    assert b"hunter2" not in b"".join(collector.bodies)


def test_a_statement_of_a_request_that_is_not_recorded_is_not_either(database, collector):
    assert asked(database, "SELECT 1") == [(1,)]

    assert collector.nothing()


def test_a_connection_that_is_opened_again_is_traced_once(connected, collector, tmp_path):
    connection = connected(DATABASE_URL=f"sqlite:///{tmp_path}/keeper.sqlite3")
    for _ in range(2):
        connection.close()
        with traces.whole("request"):
            asked(connection, "SELECT 1")

    assert len([span for span in collector.spans(4) if span.name == "SELECT keeper.sqlite3"]) == 2


def test_many_rows_are_one_statement(connected, collector):
    connection = connected(DATABASE_URL="sqlite://:memory:")
    asked(connection, "CREATE TABLE pets (name text)")
    with traces.whole("request"), connection.cursor() as cursor:
        cursor.executemany("INSERT INTO pets VALUES (%s)", [("rex",), ("tom",)])

    part = collector.named("INSERT :memory:")
    assert part.attributes["db.query.text"] == "INSERT INTO pets VALUES (%s)"


def test_what_is_no_text_is_not_shown(database, collector):
    from psycopg import sql

    with traces.whole("request"):
        asked(database, sql.SQL("SELECT {}").format(sql.Literal("hunter2")))

    assert collector.named("postgres").attributes["db.query.text"] == ""
    assert b"hunter2" not in b"".join(collector.bodies)
