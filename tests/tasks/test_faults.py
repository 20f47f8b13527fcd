"""Workers that are stopped, killed or cut off in the middle of a task."""

from __future__ import annotations

import signal
import time

import pytest

from quintet.embedded.valkey import Valkey
from quintet.tasks.celery import application
from tests.project import tasks
from tests.tasks.service import PATIENCE_SECONDS, until


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_told_to_end_finishes_its_task_and_ends_with_zero(service, number):
    worker = service.work()
    tasks.sleep.enqueue("it", 2)
    service.hear(1)

    for _ in range(3):  # once more changes nothing; those that come together would be one
        worker.send_signal(number)
        time.sleep(0.3)

    assert worker.wait(PATIENCE_SECONDS) == 0
    service.work()
    tasks.say.enqueue("hello")
    assert [word.split()[0] for word in service.hear(3)] == ["begin", "end", "say"]


def test_an_idle_worker_ends_at_once(service):
    worker = service.work(SHUTDOWN_SECONDS="60")

    worker.terminate()

    assert worker.wait(5) == 0


def test_a_worker_that_ends_takes_no_other_task(service):
    worker = service.work()
    tasks.sleep.enqueue("it", 1)
    service.hear(1)

    worker.terminate()
    tasks.say.enqueue("hello")

    assert worker.wait(PATIENCE_SECONDS) == 0
    assert "say hello" not in service.heard()
    service.work()
    assert service.hear(3)[2] == "say hello"


def test_what_is_not_finished_in_time_goes_to_another_worker_at_once(service):
    worker = service.work(SHUTDOWN_SECONDS="0.5")
    tasks.sleep.enqueue("it", 3)
    service.hear(1)

    worker.terminate()

    assert worker.wait(PATIENCE_SECONDS) == 0
    assert service.logged("tasks are cut short, and go to another worker", tasks=1)
    service.work()
    assert [word.split()[0] for word in service.hear(3)] == ["begin", "begin", "end"]


def test_a_task_of_a_killed_worker_is_run_once_by_another_one(service):
    limits = {"TASK_SECONDS": "1", "TASK_VISIBILITY_SECONDS": "7"}
    killed = service.work(**limits)
    tasks.sleep.enqueue("it", 0.9)
    service.hear(1)

    kill_master(killed)
    service.work(**limits)

    assert [word.split()[0] for word in service.hear(3)] == ["begin", "begin", "end"]
    tasks.say.enqueue("hello")
    assert service.hear(4)[3] == "say hello"


def kill_master(worker):
    """Kill the master alone: its children die with it."""
    worker.send_signal(signal.SIGKILL)
    worker.wait(PATIENCE_SECONDS)


def test_nobody_can_stop_a_worker_through_the_broker(service):
    worker = service.work()

    application().control.shutdown()

    assert application().control.ping(timeout=1) == []
    tasks.say.enqueue("hello")
    assert service.hear(1) == ["say hello"]
    assert worker.poll() is None


def test_a_worker_leaves_the_tasks_of_other_services_alone(service):
    service.work(SERVICE_NAME="other", TASK_SECONDS="0.5", TASK_VISIBILITY_SECONDS="6")
    service.work()

    tasks.sleep.enqueue("it", 13)
    tasks.say.enqueue("hello")

    assert [word.split()[:2] for word in service.hear(3)] == [
        ["begin", "it"],
        ["end", "it"],
        ["say", "hello"],
    ]


@pytest.fixture
def broker(tmp_path):
    """A server that may be hurt, and keeps what it was given."""
    server = Valkey(tmp_path / "valkey")
    server.start()
    yield server
    server.stop()


def test_a_worker_takes_tasks_again_when_the_broker_is_back(service, broker, declare):
    service.variables["BROKER_URL"] = broker.url()
    declare(BROKER_URL=broker.url())
    worker = service.work()
    tasks.say.enqueue("before")
    service.hear(1)

    broker.stop()
    until(lambda: "Connection to broker lost" in service.log.read_text())
    broker.start()
    tasks.say.enqueue("after")

    assert service.hear(2) == ["say before", "say after"]
    assert worker.poll() is None


def test_a_worker_without_a_broker_can_be_told_to_end(service, broker):
    service.variables["BROKER_URL"] = broker.url()
    worker = service.work()

    broker.stop()
    until(lambda: "Connection to broker lost" in service.log.read_text())
    worker.terminate()

    assert worker.wait(PATIENCE_SECONDS) == 0
