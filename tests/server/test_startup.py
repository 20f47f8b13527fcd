from __future__ import annotations

import subprocess
import sys
import time

import django.db
import pytest
from django.db.utils import ConnectionHandler

from quintet.embedded.postgres import Postgres
from quintet.server import multiprocess, startup
from tests.server.running import HERE, environment

STILL_THERE = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'shop'"


@pytest.fixture
def postgres(tmp_path):
    server = Postgres(tmp_path, durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def pooled(postgres, monkeypatch, django_db_blocker):
    """Django's connections, kept by a pool as the settings of a service have it."""
    settings = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "shop",
        "USER": "shop",
        "PASSWORD": "secret",
        "HOST": "127.0.0.1",
        "PORT": postgres.create_service("shop", "secret").rpartition(":")[2].partition("/")[0],
        "OPTIONS": {"pool": {"min_size": 1, "max_size": 2}},
    }
    # A name of its own: Django keeps pools by name, and the project has one called "default".
    handler = ConnectionHandler({"default": {}, "pooled": settings})
    monkeypatch.setattr(django.db, "connections", handler)
    with django_db_blocker.unblock():
        yield handler["pooled"]


def sessions(postgres: Postgres) -> int:
    with postgres.connect() as connection:
        return connection.execute(STILL_THERE).fetchone()[0]


def gone(postgres: Postgres) -> bool:
    """A session ends a moment after its socket was closed."""
    deadline = time.monotonic() + 10
    while sessions(postgres) > 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    return sessions(postgres) == 0


def test_connections_that_the_start_opened_are_closed_before_forking(postgres, pooled):
    pooled.ensure_connection()
    assert sessions(postgres) > 0

    startup.release_connections()

    assert pooled.connection is None
    assert gone(postgres)


def test_the_directory_cannot_be_named_when_counting_has_begun(tmp_path):
    import prometheus_client  # noqa: F401 - what makes it too late

    with (
        pytest.raises(multiprocess.TooLate, match="prometheus_client was imported"),
        multiprocess.metrics_directory(str(tmp_path)),
    ):
        pass


def test_threads_that_reckon_take_short_turns():
    """Otherwise a probe waits behind each of them, again and again."""
    script = "import sys; from quintet.server.startup import load; load()"
    told = subprocess.run(
        [sys.executable, "-c", f"{script}; print(sys.getswitchinterval())"],
        cwd=HERE,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    assert float(told.stdout.splitlines()[-1]) < 0.001


IN_A_CALLBACK = """
import os, signal, weakref
from quintet.server import startup

class Thing: pass

startup.end_when_told()
thing = Thing()
kept = weakref.ref(thing, lambda _: {deed})
del thing
print(startup.was_told_to_end())
"""


def lost(deed):
    """A program that does something where Python drops whatever is raised."""
    return subprocess.run(
        [sys.executable, "-c", IN_A_CALLBACK.format(deed=deed)],
        capture_output=True,
        text=True,
        check=True,
    )


def test_an_end_that_cannot_be_raised_is_remembered_without_a_noise():
    ended = lost("os.kill(os.getpid(), signal.SIGTERM)")

    assert (ended.stdout, ended.stderr) == ("True\n", "")


def test_any_other_exception_that_is_lost_is_told():
    assert "ZeroDivisionError" in lost("1 / 0").stderr
