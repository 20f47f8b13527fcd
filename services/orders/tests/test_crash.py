"""A process that places an order is killed after each request; what is left behind is finished."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from world import STOCK, World

pytestmark = pytest.mark.django_db(transaction=True)

HERE = Path(__file__).parent
DEED = "8e03978e-40d5-43e8-bc93-6894a57f9324"
REQUESTS = {1: "verify", 2: "reserve", 3: "authorise", 4: "capture", 5: "commit"}
REACHED = ["placed", "verified", "reserved", "authorised", "charged"]


def python(database_url, *arguments):
    """Run a program of this service on a database, and return the signal or code it ended with."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=HERE.parent,
        env={
            **os.environ,
            "DATABASE_URL": database_url,
            "DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE,
            "PYTHONPATH": str(HERE.parent),
        },
        stdout=subprocess.DEVNULL,
        check=False,
    ).returncode


@pytest.fixture
def on_postgres():
    url = settings.QUINTET.DATABASE_URL.rsplit("/", 1)[0]
    return f"{url}/{connection.settings_dict['NAME']}"


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """A database of SQLite with all tables and no row."""
    file = tmp_path_factory.mktemp("sqlite") / "orders.db"
    assert python(f"sqlite:///{file}", "manage.py", "migrate", "--noinput") == 0
    return file


@pytest.fixture
def on_sqlite(migrated, tmp_path):
    return f"sqlite:///{shutil.copy(migrated, tmp_path / 'orders.db')}"


def status_in(database_url):
    return rows_in(database_url, "SELECT status FROM orders_order")


def steps_in(database_url):
    """Each status that was noted, and whether by a process that took the order over."""
    steps = "SELECT status, resumed FROM orders_orderstep ORDER BY sequence"
    return [(status, bool(resumed)) for status, resumed in rows_in(database_url, steps)]


def rows_in(database_url, query):
    if database_url.startswith("sqlite"):
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as database:
            return database.execute(query).fetchall()
    with psycopg.connect(database_url) as database:
        return database.execute(query).fetchall()


@pytest.mark.parametrize("database", ["on_postgres", "on_sqlite"])
@pytest.mark.parametrize("request_number", REQUESTS, ids=REQUESTS.get)
def test_a_killed_order_is_finished(request, tmp_path, database, request_number):
    url = request.getfixturevalue(database)
    file = tmp_path / "world.json"
    killed = python(url, HERE / "crash.py", DEED, file, request_number)
    assert killed == -signal.SIGKILL
    committed = steps_in(url)

    resumed = python(url, HERE / "crash.py", "resume", file)

    assert resumed == 0
    assert_one_side(status_in(url), World(file).state)
    assert committed == [(status, False) for status in REACHED[:request_number]]
    ended = ["confirmed"] if REACHED[request_number - 1] == "charged" else ["undoing", "failed"]
    assert steps_in(url) == [*committed, *((status, True) for status in ended)]


@pytest.mark.parametrize("request_number", REQUESTS, ids=REQUESTS.get)
def test_a_killed_order_is_gone_on_with_by_the_next_attempt(on_postgres, tmp_path, request_number):
    url = on_postgres
    file = tmp_path / "world.json"
    python(url, HERE / "crash.py", DEED, file, request_number)

    assert python(url, HERE / "crash.py", DEED, file) == 0

    assert status_in(url) == [("confirmed",)]
    assert_one_side(status_in(url), World(file).state)


def assert_one_side(statuses, state):
    reservations = {made["status"] for made in state["reservations"].values()}
    payments = {made["status"] for made in state["payments"].values()}
    if statuses == [("confirmed",)]:
        assert (reservations, payments, state["stock"]) == ({"committed"}, {"captured"}, STOCK - 2)
    else:
        assert statuses == [("failed",)]
        assert reservations <= {"released"}
        assert payments <= {"voided", "refunded"}
        assert state["stock"] == STOCK
