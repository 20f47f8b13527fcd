from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from django.apps import apps
from django.db.backends.signals import connection_created

from quintet import context
from quintet.telemetry import metrics
from tests.project.settings import ProjectSettings


@pytest.fixture
def started(monkeypatch):
    """The chassis as Django starts it, by the program of that name."""

    def start(program: str) -> str | None:
        monkeypatch.setattr("sys.argv", [program, "migrate"])
        monkeypatch.setattr("sys.excepthook", sys.excepthook)
        apps.get_app_config("quintet").ready()
        bound = context.current()
        return bound.correlation_id if bound else None

    before = context.bind(context.current())
    yield start
    context.unbind(before)


@pytest.mark.parametrize("program", ["manage.py", "./manage.py", "/usr/bin/django-admin"])
def test_a_management_command_has_a_context_of_its_own(started, program):
    first, second = started(program), started(program)

    assert first
    assert second
    assert first != second


@pytest.mark.parametrize("program", ["/usr/bin/gunicorn", "-c", ""])
def test_a_server_starts_without_one(started, program):
    context.bind(None)

    assert started(program) is None


def test_the_metrics_say_what_is_running_from_the_start(started):
    metrics.Using.recorder = metrics.NullRecorder()

    started("gunicorn")

    assert b"service_info{" in metrics.exposition()[0]


@pytest.mark.parametrize("endpoint", ["", "http://127.0.0.1:9"])
def test_statements_are_traced_where_there_is_a_collector(started, settings, endpoint):
    basis = {"SECRET_KEY": "a key for tests", "SERVICE_ENVIRONMENT": "test"}
    settings.QUINTET = ProjectSettings.load(basis | {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})
    started("gunicorn")

    connected = connection_created.disconnect(dispatch_uid="quintet.database.traces")

    settings.QUINTET = ProjectSettings.load(basis)
    started("gunicorn")
    assert connected is bool(endpoint)


def test_the_checks_are_registered():
    program = "import sys, django; django.setup(); print('quintet.checks' in sys.modules)"

    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ran.stdout == "True\n"


def test_a_command_that_fails_says_so_in_the_log_under_its_id(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    program = tmp_path / "manage.py"
    program.write_text(
        "import django, quintet.context\n"
        "django.setup()\n"
        "print(quintet.context.current().correlation_id)\n"
        "raise RuntimeError('password=hunter2')\n",
        encoding="utf-8",
    )

    ran = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)

    identity, line = ran.stdout.splitlines()
    logged = json.loads(line)
    assert (ran.returncode, logged["correlation_id"]) == (1, identity)
    assert "RuntimeError" in logged["exception"]
    assert "hunter2" not in ran.stdout + ran.stderr
