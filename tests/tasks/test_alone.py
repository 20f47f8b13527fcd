"""``ENABLE_ASYNC_PROCESSING=0``: no queue, no worker, the same work."""

from __future__ import annotations

import signal

import pytest

from tests.project import tasks
from tests.tasks.service import PATIENCE_SECONDS, until

OFF = {"ENABLE_ASYNC_PROCESSING": "0"}


@pytest.fixture
def alone(service, settings, monkeypatch):
    service.variables |= OFF
    service.bind(settings, monkeypatch)
    return service


def test_a_task_runs_where_it_is_enqueued(alone):
    tasks.say.enqueue("hello")

    assert alone.heard() == ["say hello"]


def test_what_has_a_rhythm_is_run_by_the_command_and_ends_with_the_signal(alone):
    worker = alone.start()
    until(lambda: alone.told.llen("ticks") >= 2)

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(PATIENCE_SECONDS) == 0
