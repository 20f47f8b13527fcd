from __future__ import annotations

from secrets import token_urlsafe

import pytest

from quintet.checks.tasks import tasks_can_be_run
from quintet.settings import derive
from tests.project.settings import ProjectSettings

ON = {"ENABLE_ASYNC_PROCESSING": "1"}
LIVE = {
    **ON,
    "SERVICE_ENVIRONMENT": "production",
    "SECRET_KEY": token_urlsafe(64),
    "ALLOWED_HOSTS": "x",
}
BROKER = {**ON, "BROKER_URL": "redis://127.0.0.1/0"}


@pytest.fixture
def declare(settings):
    def declared(**environ):
        basis = {"SERVICE_ENVIRONMENT": "test", "SECRET_KEY": "k"}
        settings.QUINTET = ProjectSettings.load(environ={**basis, **environ})
        settings.TASKS = derive.tasks(settings.QUINTET)

    return declared


def found():
    return [finding.id for finding in tasks_can_be_run()]


@pytest.mark.parametrize(
    ("environ", "ids"),
    [
        (BROKER, []),
        (ON, []),
        ({**LIVE, **BROKER}, []),
        ({**LIVE, "ENABLE_ASYNC_PROCESSING": "0"}, []),
        (LIVE, ["quintet.W020"]),
        ({**LIVE, "BROKER_URL": "amqp://127.0.0.1"}, ["quintet.W020"]),
    ],
)
def test_tasks_have_a_queue_or_want_none(declare, environ, ids):
    declare(**environ)

    assert found() == ids


def test_a_task_that_could_outlive_its_visibility_is_an_error(declare):
    declare(**BROKER, TASK_SECONDS="55", TASK_VISIBILITY_SECONDS="60")

    errors = tasks_can_be_run()

    assert {error.id for error in errors} == {"quintet.E031"}
    assert "tests.project.tasks.say may take 60 s" in " ".join(error.msg for error in errors)
    assert "sleep_too_long" not in " ".join(error.msg for error in errors)


@pytest.mark.parametrize("package", ["celery", "redis"])
def test_a_queue_without_its_library_is_an_error(declare, monkeypatch, package):
    declare(**BROKER)
    there = {"django_tasks", "celery", "redis"} - {package}
    monkeypatch.setattr("quintet.checks.tasks.find_spec", lambda name: name in there or None)

    (error,) = tasks_can_be_run()

    assert (error.id, package in error.msg) == ("quintet.E030", True)


def test_tasks_of_others_are_not_judged(settings, declare):
    declare()
    settings.TASKS = {"default": {"BACKEND": "somebody.else.Backend"}}

    assert found() == []
