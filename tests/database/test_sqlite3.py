from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from django.db import transaction

from quintet.database.statements import DeadlinePassed
from quintet.resilience import deadline
from tests.database.asking import asked, spent

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "kept.sqlite3"


@pytest.fixture
def database(connected, file):
    return connected(DATABASE_URL=f"sqlite:///{file}")


def write():
    with transaction.atomic("kept"):
        pass


def test_a_statement_is_interrupted_at_the_deadline(database):
    counted = deadline.EXCEEDED.labels("database")._value
    before = counted.get()

    _, seconds = spent(0.2, lambda: asked(database, ENDLESS), raised=DeadlinePassed)

    assert 0.2 <= seconds < 1
    assert counted.get() == before + 1
    assert asked(database, "SELECT 1") == [(1,)]


def test_another_writer_is_not_waited_for_longer_than_the_request(database, file):
    database.ensure_connection()
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        _, seconds = spent(0.2, write, raised=DeadlinePassed)

    assert 0.2 <= seconds < 1


def test_another_writer_is_waited_for_as_usual_afterwards(database):
    with deadline.within(1):
        write()
        assert asked(database, "PRAGMA busy_timeout")[0][0] <= 1000

    assert asked(database, "PRAGMA busy_timeout") == [(5000,)]


def test_a_mistake_stays_a_mistake(database):
    spent(30, lambda: asked(database, "SELECT nothing"))
