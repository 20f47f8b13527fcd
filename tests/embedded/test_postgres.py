from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys

import psutil
import psycopg
import pytest

from quintet.embedded import ports, spawn
from quintet.embedded import postgres as module
from quintet.embedded.postgres import Postgres
from quintet.embedded.server import NotReady, Unavailable

ORPHAN = """
import os, signal, sys
from pathlib import Path
from quintet.embedded.postgres import Postgres

server = Postgres(Path(sys.argv[1]), durable=False)
server.start()
print(server.process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""

NAMELESS = """
import os, sys
from pathlib import Path
from quintet.embedded.postgres import Postgres

server = Postgres(Path(sys.argv[1]), durable=False)
server.start()
server.probe()
print(os.geteuid(), "ready", flush=True)
server.stop()
"""


@pytest.fixture
def running(postgres):
    postgres.start()
    return postgres


@pytest.fixture
def stranger():
    """A process that has nothing to do with PostgreSQL."""
    process = subprocess.Popen(["sleep", "60"])
    yield process.pid
    process.kill()
    process.wait()


def test_it_runs_below_a_private_home_and_proves_which_directory_it_serves(running):
    running.probe()

    with running.connect() as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("quintet",)


def test_text_beyond_ascii_is_lowered_and_time_is_utc(running):
    with running.connect() as connection:
        row = connection.execute("SELECT lower('ÄÉ'), current_setting('timezone')").fetchone()

    assert row == ("äé", "UTC")


def test_data_port_and_password_survive_a_restart(running):
    before = running.url()
    with running.connect() as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")

    running.stop()
    running.start()

    assert running.url() == before
    with running.connect() as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_it_starts_again_after_kill_minus_nine(running):
    running.process.kill()
    running.process.wait()

    running.start()

    running.probe()


def test_a_lock_whose_pid_went_to_a_stranger_does_not_stop_the_start(running, stranger):
    running.process.kill()
    running.process.wait()
    lock = running.data / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(stranger), *lines[1:], ""]))

    running.start()

    running.probe()


def test_a_directory_that_is_being_served_is_refused_with_the_pid(running, monkeypatch):
    monkeypatch.setattr(module, "LEAVING_SECONDS", 0.1)
    second = Postgres(running.directory)

    with pytest.raises(Unavailable, match=f"{running.process.pid} already serves") as refused:
        second.prepare()

    assert refused.value.remedy == f"Stop it: kill -INT {running.process.pid}."


def test_a_server_that_is_leaving_is_waited_for(running):
    leaving = running.process
    leaving.send_signal(signal.SIGINT)

    running.start()

    running.probe()
    assert leaving.poll() is not None


def test_a_lock_that_says_nothing_is_left_for_postgres_to_judge(running):
    running.stop()
    (running.data / "postmaster.pid").write_text("junk")

    with pytest.raises(Unavailable, match="bogus data in lock file"):
        running.start()


def test_two_of_them_run_side_by_side(running, home, stopped):
    other = Postgres(home / "second")
    stopped.append(other)

    other.start()

    other.probe()
    running.probe()


def test_another_server_on_the_port_is_not_taken_for_ours(running, home):
    impostor = Postgres(home / "impostor")
    (impostor.data).mkdir(parents=True)
    shutil.copy(running.directory / "port", impostor.directory)
    shutil.copy(running.directory / "password", impostor.directory)

    with pytest.raises(NotReady, match=r"serves .*postgres/data, not .*impostor/data"):
        impostor.probe()


def test_nobody_on_the_port_is_not_ready(home):
    absent = Postgres(home)
    (home / "port").write_text(str(ports.choose()))

    with pytest.raises(NotReady, match="postgres: connection"):
        absent.probe()


def test_a_port_lost_between_choice_and_start_is_replaced(postgres, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answers = [True]
        monkeypatch.setattr(ports, "is_free", lambda _: answers.pop() if answers else False)
        postgres.directory.mkdir()
        (postgres.directory / "port").write_text(str(port))

        postgres.start()

    assert ports.recorded(postgres.directory) != port
    postgres.probe()


def test_a_half_made_cluster_is_made_again(postgres):
    partial = postgres.directory / "data.partial"
    partial.mkdir(parents=True)
    (partial / "PG_VERSION").write_text("18")

    postgres.start()

    assert not partial.exists()


def test_a_cluster_of_another_version_is_refused(postgres):
    postgres.data.mkdir(parents=True)
    (postgres.data / "PG_VERSION").write_text("9")

    with pytest.raises(Unavailable, match="made by PostgreSQL 9"):
        postgres.prepare()


def test_a_failing_initdb_says_why(postgres):
    postgres.directory.mkdir()
    (postgres.directory / "data.partial").touch()

    with pytest.raises(Unavailable, match=r"initdb failed: .*data\.partial"):
        postgres.prepare()


def test_variables_of_the_client_library_do_not_reach_the_server(postgres, monkeypatch):
    monkeypatch.setenv("PGDATA", "/elsewhere")

    launch = postgres.prepare()

    assert not any(name.startswith("PG") for name in launch.env)


def test_it_ends_with_the_process_that_started_it(home):
    starter = subprocess.run(
        [sys.executable, "-c", ORPHAN, str(home / "postgres")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert starter.returncode == -signal.SIGKILL, starter.stderr
    pid = int(starter.stdout)
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], 20)
    assert not psutil.pid_exists(pid)


def test_a_service_opens_its_own_database_and_no_other(running):
    users = running.create_service("users", "first")
    running.create_service("orders", "second")

    with psycopg.connect(users) as connection:
        connection.execute("CREATE TABLE mine ()")
    for foreign in ("orders", "postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(running.url(foreign, user="users", password="first"))


def test_creating_a_service_again_sets_its_password_and_keeps_its_data(running):
    with psycopg.connect(running.create_service("users", "old")) as connection:
        connection.execute("CREATE TABLE mine ()")

    changed = running.create_service("users", "new: with/signs@", creates_databases=True)

    with psycopg.connect(changed, autocommit=True) as connection:
        connection.execute("SELECT * FROM mine")
        connection.execute("CREATE DATABASE test_users")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(running.url("users", user="users", password="old"))


def test_root_without_namespaces_and_without_a_path_for_nobody_is_told_what_to_do(
    postgres, monkeypatch
):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(spawn, "user_namespaces_work", lambda: False)

    with pytest.raises(Unavailable, match="nobody may not reach") as refused:
        postgres.prepare()

    assert refused.value.remedy == "Run as an ordinary user, or set DATABASE_URL."


def test_a_user_without_a_name_on_this_machine_runs_it_in_a_user_namespace(home):
    """Containers often run under a number that /etc/passwd does not know."""
    nameless = spawn.in_user_namespace(signal.SIGKILL, inside=54321)

    finished = subprocess.run(
        [sys.executable, "-c", NAMELESS, home / "postgres"],
        preexec_fn=nameless,
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.stdout == "54321 ready\n", finished.stderr


def test_a_user_without_a_name_and_without_namespaces_is_told_what_to_do(postgres, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    monkeypatch.setattr(spawn, "user_namespaces_work", lambda: False)

    with pytest.raises(Unavailable, match="user 54321, which has no name") as refused:
        postgres.prepare()

    assert "/etc/passwd" in refused.value.remedy


def test_a_database_that_cannot_be_made_is_said_with_a_remedy(running):
    with pytest.raises(Unavailable, match="made no database for pg_x"):
        running.create_service("pg_x", "secret")  # PostgreSQL keeps names with pg_ for itself


def test_what_people_have_entered_is_not_in_its_log(postgres):
    postgres.start()
    with postgres.connect() as connection:
        connection.execute("CREATE TABLE person (mail text UNIQUE)")
        for failing in ("INSERT INTO person VALUES (%s), (%s)", "SELECT nothing, %s, %s"):
            with pytest.raises(psycopg.Error):
                psycopg.ClientCursor(connection).execute(failing, ("jo@example", "jo@example"))

    written = postgres.log_file.read_text()
    assert "duplicate key" in written
    assert "jo@example" not in written
