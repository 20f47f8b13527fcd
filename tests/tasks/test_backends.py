"""What is asked of every way of running tasks; one suite for all of them."""

from __future__ import annotations

import datetime as dt
import decimal
import math

import pytest
from django.db import transaction
from django.utils import timezone

from quintet.tasks import InvalidTask, TaskResultStatus, task
from quintet.tasks.calls import LONGEST_CALL_BYTES
from quintet.tasks.shape import Task
from tests.project import tasks


@pytest.fixture(params=["queue", "here", "recorded"])
def backend(request, service, settings):
    """Each of them in turn, with a worker where one is needed."""
    if request.param == "queue":
        service.work()
    else:
        named = {"here": "quintet.tasks.immediate.ImmediateBackend"}
        recording = "quintet.testing.tasks.RecordingBackend"
        settings.TASKS = {"default": {"BACKEND": named.get(request.param, recording)}}
    return request.param


@pytest.fixture
def done(backend, service):
    """What was done by the tasks that said something, or recorded of them."""
    from quintet.testing.tasks import RECORDED

    RECORDED.clear()

    def look(number):
        if backend == "recorded":
            return [f"say {call.args[0]}" for call in RECORDED]
        return service.hear(number)

    return look


REFUSED = [
    (dt.datetime.now(dt.UTC), "datetime as args"),
    (decimal.Decimal(1), "Decimal as args"),
    (b"bytes", "bytes as args"),
    (("a", "tuple"), "tuple as args"),
    ({1: "one"}, "int as a key of args"),
    ({"deep": [{"er": {1, 2}}]}, r"set as args\[0\].deep\[0\].er"),
    (math.nan, "nan as args"),
    (object(), "object as args"),
]


@pytest.mark.parametrize(("value", "words"), REFUSED)
@pytest.mark.parametrize("named", ["Celery", "Immediate"])
def test_what_json_would_lose_is_refused_before_it_is_sent(settings, declare, value, words, named):
    declare(BROKER_URL="redis://127.0.0.1:1/0")
    module = {"Celery": "celery", "Immediate": "immediate"}[named]
    settings.TASKS = {"default": {"BACKEND": f"quintet.tasks.{module}.{named}Backend"}}

    with pytest.raises(TypeError, match=words):
        tasks.say.enqueue(value)


def test_a_call_that_does_not_fit_the_function_is_refused(enqueued):
    with pytest.raises(TypeError, match="say cannot be called so: missing a required argument"):
        tasks.say.enqueue()
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'aloud'"):
        tasks.say.enqueue("hello", aloud=True)

    assert enqueued == []


def test_arguments_that_are_long_are_refused(enqueued):
    with pytest.raises(ValueError, match=f"and {LONGEST_CALL_BYTES} are sent"):
        tasks.say.enqueue("x" * LONGEST_CALL_BYTES)

    assert enqueued == []


def test_a_task_is_one_of_django():
    assert isinstance(tasks.say, Task)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [({"attempts": 0}, "attempts=0"), ({"timeout_seconds": -1}, "timeout_seconds=-1")],
)
def test_a_limit_that_is_none_is_refused(wanted, words):
    with pytest.raises(InvalidTask, match=words):
        task(**wanted)(say_nothing)


def say_nothing():
    """No task."""


def test_only_the_queue_of_the_service_can_be_named(backend):
    with pytest.raises(InvalidTask, match="slow"):
        tasks.say.using(queue_name="slow")


@pytest.mark.parametrize("named", ["here"], indirect=False)
def test_a_task_that_runs_here_cannot_run_later(settings, named):
    settings.TASKS = {"default": {"BACKEND": "quintet.tasks.immediate.ImmediateBackend"}}

    with pytest.raises(InvalidTask, match="run_after"):
        tasks.say.using(run_after=timezone.now())


@pytest.mark.django_db(transaction=True)
def test_a_task_begins_when_what_it_is_about_is_committed(backend, done):
    with transaction.atomic():
        tasks.say.enqueue("first")
        tasks.say.enqueue("second")
        before = done(0)

    assert (before, done(2)) == ([], ["say first", "say second"])


@pytest.mark.django_db(transaction=True)
def test_a_task_of_a_transaction_that_is_rolled_back_never_begins(backend, done):
    with transaction.atomic():
        tasks.say.enqueue("undone")
        transaction.set_rollback(True)
    tasks.say.enqueue("done")

    assert done(1) == ["say done"]


@pytest.mark.django_db(transaction=True)
def test_a_result_says_what_is_known(backend, done):
    result = tasks.say.enqueue("hello")
    done(1)

    known = TaskResultStatus.SUCCESSFUL if backend == "here" else TaskResultStatus.READY
    assert (result.status, result.args, result.kwargs) == (known, ["hello"], {})
    assert result.enqueued_at
    assert result.id


def test_what_runs_here_and_fails_is_in_the_result_and_not_in_the_way(
    service, settings, captured_logs
):
    settings.TASKS = {"default": {"BACKEND": "quintet.tasks.immediate.ImmediateBackend"}}

    result = tasks.fail.enqueue("once")

    assert result.status == TaskResultStatus.FAILED
    assert [error.exception_class for error in result.errors] == [ValueError]
    assert service.heard() == ["fail once"]
    (line,) = [line for line in captured_logs if line["message"] == "task failed"]
    assert (line["level"], line["task"]) == ("ERROR", "tests.project.tasks.fail")


def test_a_queue_that_is_away_is_an_error_where_nothing_is_committed_yet(settings, declare):
    from quintet.tasks.celery import QueueUnavailable
    from tests.tasks.conftest import forget

    declare(BROKER_URL="redis://127.0.0.1:1/0")
    settings.TASKS = {"default": {"BACKEND": "quintet.tasks.celery.CeleryBackend"}}
    forget()

    with pytest.raises(QueueUnavailable):
        tasks.say.enqueue("hello")
    with pytest.raises(QueueUnavailable):
        tasks.say.using(run_after=timezone.now()).enqueue("hello")
    forget()


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_is_away_after_the_commit_costs_the_task_and_not_the_caller(
    settings, declare, captured_logs
):
    from tests.tasks.conftest import forget

    declare(BROKER_URL="redis://127.0.0.1:1/0")
    settings.TASKS = {"default": {"BACKEND": "quintet.tasks.celery.CeleryBackend"}}
    forget()

    with transaction.atomic():
        tasks.say.enqueue("hello")

    (line,) = [line for line in captured_logs if line["message"] == "task is lost"]
    assert line["task"] == "tests.project.tasks.say"
    forget()
