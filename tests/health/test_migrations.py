from __future__ import annotations

import pytest
from django.db import OperationalError, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from quintet.health import Migrations

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def schema(tmp_path):
    """A package with two migrations for the app of the tests; modules stay, so its name is new."""
    package = tmp_path / f"steps_of_{tmp_path.name}"
    package.mkdir()
    (package / "__init__.py").touch()
    for name, before in (("0001_first", []), ("0002_second", [("project", "0001_first")])):
        (package / f"{name}.py").write_text(
            "from django.db import migrations\n\n"
            f"class Migration(migrations.Migration):\n    dependencies = {before!r}\n"
        )
    return package


@pytest.fixture
def steps(schema, settings, monkeypatch):
    monkeypatch.syspath_prepend(schema.parent)
    settings.MIGRATION_MODULES = {"project": schema.name}
    yield lambda name: MigrationExecutor(connections["default"]).migrate([("project", name)])
    MigrationRecorder(connections["default"]).migration_qs.filter(app="project").delete()


def test_a_step_that_was_not_taken_is_named_and_logged_once(steps, captured_logs):
    steps("0001_first")
    check = Migrations(["default"])

    results = [check(), check()]

    assert [result.healthy for result in results] == [False, False]
    assert results[0].details == {"error": "pending", "pending": ["project.0002_second"]}
    said = [
        line["pending"] for line in captured_logs if "migrations are pending" in line["message"]
    ]
    assert said == [["project.0002_second"]]


def test_a_service_recovers_when_the_step_is_taken_meanwhile(steps):
    check = Migrations(["default"])
    assert not check().healthy

    steps("0002_second")

    assert check().healthy


def test_the_database_is_not_asked_again_once_nothing_is_left(steps, monkeypatch):
    steps("0002_second")
    check = Migrations(["default"])
    check()
    monkeypatch.setattr("quintet.health.migrations.MigrationExecutor", None)

    assert check().healthy


def test_a_schema_that_is_ahead_of_the_code_is_fine(steps, schema):
    steps("0002_second")
    (schema / "0002_second.py").unlink()

    assert Migrations(["default"])().healthy


def test_a_database_that_is_away_is_left_to_its_own_check(monkeypatch, captured_logs):
    def refuse(_):
        raise OperationalError("connection refused")

    monkeypatch.setattr("quintet.health.migrations.MigrationExecutor", refuse)

    result = Migrations(["default"])()

    assert (result.healthy, dict(result.details)) == (False, {"error": "OperationalError"})
    assert captured_logs == []
