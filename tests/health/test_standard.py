from __future__ import annotations

import shutil
from typing import NamedTuple

import psutil
import pytest
from django.db import OperationalError, connections

from quintet.errors import UnavailableException
from quintet.health import Cache, Database, DiskSpace, ExternalServices, Memory
from quintet.health.standard import standard
from quintet.lifecycle.cgroups import Groups
from quintet.settings import ServiceSettings
from tests.project.settings import ProjectSettings


class Usage(NamedTuple):
    total: int
    used: int
    free: int


class Machine(NamedTuple):
    total: int
    available: int


def env(**environ):
    return ProjectSettings.load(
        environ={"SERVICE_ENVIRONMENT": "test", "SECRET_KEY": "k", **environ}
    )


def names(settings):
    return [check.name for check in standard(settings)]


def test_every_service_checks_its_disk_and_its_memory():
    assert names(env())[-2:] == ["disk_space", "memory"]


def test_only_the_database_and_its_schema_are_hard_dependencies():
    assert [check.name for check in standard(env()) if check.hard] == ["database", "migrations"]


def test_a_service_without_a_database_checks_none(settings, monkeypatch):
    dummy = {"ENGINE": "django.db.backends.dummy"}
    monkeypatch.setitem(connections.settings, "default", dummy)

    assert not {"database", "migrations"} & set(names(env()))
    assert Database()().healthy


@pytest.mark.parametrize(
    ("environ", "checked"),
    [
        ({}, False),
        ({"CACHE_URL": "redis://cache:6379/0"}, True),
        ({"CACHE_URL": "redis://cache:6379/0", "ENABLE_CACHING": "off"}, False),
    ],
)
def test_a_cache_is_checked_where_there_is_one(environ, checked):
    assert ("cache" in names(env(**environ))) is checked


def test_a_service_that_calls_nobody_has_no_neighbours_to_check():
    alone = ServiceSettings.load(
        environ={"SERVICE_NAME": "alone", "SERVICE_ENVIRONMENT": "test", "SECRET_KEY": "k"}
    )

    assert "external_services" not in names(alone)


def test_the_neighbours_are_those_whose_address_is_declared():
    (check,) = [row.check for row in standard(env()) if row.name == "external_services"]

    assert sorted(check.names) == ["products", "users"]


@pytest.mark.django_db(transaction=True)
def test_a_database_that_answers_is_healthy():
    assert Database()().healthy


def test_a_database_that_does_not_answer_raises_and_gives_its_connection_back(monkeypatch):
    connection, closed = connections["default"], []

    def refuse(*_, **__):
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", refuse)
    monkeypatch.setattr(connection, "close", lambda: closed.append(True))

    with pytest.raises(OperationalError):
        Database()()
    assert closed == [True]


def test_a_cache_that_gives_back_what_it_was_given_is_healthy():
    assert Cache()().as_dict() == {"healthy": True}


def test_a_cache_that_forgets_is_not(settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}

    assert Cache()().as_dict() == {"healthy": False, "error": "mismatch"}


def test_the_neighbours_are_asked_whether_they_live(downstream):
    downstream.answer("users", "GET", "/livez", json={"status": "ok"})
    failure = UnavailableException("products cannot be reached.")
    downstream.fail("products", "GET", "/livez", error=failure, status=503)

    result = ExternalServices(names=["users", "products"])()

    services = result.details["services"]
    assert not result.healthy
    assert services["users"]["healthy"]
    assert services["users"]["response_time_ms"] >= 0
    assert services["users"]["breaker"] == "closed"
    assert services["products"] == {
        "healthy": False,
        "error": "SERVICE_UNAVAILABLE",
        "breaker": "closed",
    }


@pytest.mark.parametrize(("free", "healthy"), [(9, False), (10, False), (11, True)])
def test_a_disk_needs_a_tenth_to_be_free(monkeypatch, tmp_path, free, healthy):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100, 100 - free, free))

    result = DiskSpace(path=tmp_path)()

    assert result.healthy is healthy
    assert result.details == {"free_percent": float(free), "free_bytes": free}


@pytest.mark.parametrize(("current", "used", "healthy"), [(995, 89.5, True), (1000, 90.0, False)])
def test_the_memory_of_a_container_is_judged_by_its_own_limit(tmp_path, current, used, healthy):
    (tmp_path / "cgroup.controllers").write_text("memory\n")
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text(f"{current}\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 100\n")

    result = Memory(groups=Groups(tree=tmp_path, membership=tmp_path / "none"))()

    assert (result.healthy, result.details) == (healthy, {"used_percent": used})


def test_without_a_control_group_the_machine_is_judged(tmp_path, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Machine(total=200, available=10))

    assert not Memory(groups=Groups(tree=tmp_path / "nowhere"))().healthy
