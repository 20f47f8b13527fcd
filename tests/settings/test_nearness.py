from __future__ import annotations

import pytest

from quintet.settings import ServiceSettings, SettingsError
from quintet.settings.nearness import nearest, slips

GIVEN = {"SERVICE_NAME": "shop", "SECRET_KEY": "k", "SERVICE_ENVIRONMENT": "test"}


@pytest.mark.parametrize(
    ("left", "right", "count"),
    [
        ("abc", "abc", 0),
        ("abc", "abcd", 1),
        ("abc", "ac", 1),
        ("abc", "axc", 1),
        ("abc", "acb", 1),
        ("abc", "bca", 2),
        ("", "ab", 2),
        ("abcdef", "ab", 4),
    ],
)
def test_slips_are_counted(left, right, count):
    assert slips(left, right, limit=3) == count


@pytest.mark.parametrize(
    "typed",
    ["DATABSE_URL", "DATABASE_URI", "DATABASEURL", "DATABASE-URL", "database_url", "DTAABASE_RUL"],
)
def test_a_slip_of_the_keyboard_is_recognised(typed):
    assert nearest("DATABASE_URL", ["PATH", typed, "HOME"]) == typed


@pytest.mark.parametrize("other", ["USERS_DATABASE_URL", "DATA_URL", "CACHE_URL", "PATH"])
def test_a_name_of_its_own_is_no_slip(other):
    assert nearest("DATABASE_URL", [other]) is None


@pytest.mark.parametrize(("name", "other"), [("HOST", "POST"), ("PORT", "PORTS"), ("HOST", "HOME")])
def test_short_names_are_left_alone(name, other):
    assert nearest(name, [other]) is None


def test_the_nearest_name_wins():
    assert nearest("DATABASE_URL", ["DATABSE_UR", "DATABSE_URL"]) == "DATABSE_URL"


@pytest.mark.parametrize("typed", ["DATABSE_URL", "DATABASE_URL_FIEL"])
def test_a_variable_that_nothing_reads_and_that_was_meant_stops_the_start(typed):
    with pytest.raises(SettingsError, match=f"rename {typed} to DATABASE_URL"):
        ServiceSettings.load({**GIVEN, typed: "postgres://shop@db/shop"})


def test_a_missing_variable_is_reported_once_with_the_one_that_was_meant():
    environ = {"SERVICE_NAME": "shop", "SERVICE_ENVIRONMENT": "test", "SECERT_KEY": "k"}

    with pytest.raises(SettingsError) as caught:
        ServiceSettings.load(environ)

    (problem,) = caught.value.problems
    assert problem.remedy == "rename SECERT_KEY to SECRET_KEY"


def test_a_near_name_is_no_problem_when_the_right_one_is_set():
    environ = {**GIVEN, "DATABASE_URL": "postgres://shop@db/shop", "DATABASE_URI": "mine"}

    assert ServiceSettings.load(environ).DATABASE_URL == "postgres://shop@db/shop"


def test_variables_that_orchestrators_set_are_not_taken_for_slips():
    environ = {
        **GIVEN,
        "USERS_SERVICE_HOST": "10.0.0.1",
        "USERS_SERVICE_PORT": "8000",
        "USERS_PORT": "tcp://10.0.0.1:8000",
        "HOSTNAME": "pod-1",
        "HOSTFILE": "/etc/mpi",
        "HOME": "/root",
    }

    assert ServiceSettings.load(environ).SERVICE_NAME == "shop"
