"""What a worker does with tasks: real processes, a real queue, tasks that go wrong."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
import redis
from django.utils import timezone
from kombu import Connection

from quintet import context
from quintet.tasks.celery import ARRIVAL, application
from quintet.tasks.store import store
from tests.project import tasks
from tests.tasks.service import until


@pytest.mark.parametrize("task", [tasks.say, tasks.say_async])
def test_a_worker_runs_what_was_enqueued(service, task):
    service.work()

    task.enqueue("hello")

    assert service.hear(1) == ["say hello"]


def test_a_task_has_the_context_of_who_enqueued_it_and_a_time_of_its_own(service):
    service.work(TASK_SECONDS="17")

    with context.running(context.Context(correlation_id="of-the-caller")) as bound:
        tasks.tell_context.enqueue()

    (told,) = service.hear(1)
    assert told in {f"of-the-caller {bound.trace_id} {left}" for left in (16, 17)}
    (line,) = until(lambda: service.logged("task succeeded"))
    assert (line["correlation_id"], line["task"]) == (
        "of-the-caller",
        "tests.project.tasks.tell_context",
    )


def test_a_task_that_fails_is_tried_again_and_then_parked(service):
    service.work()

    tasks.fail.enqueue("often")

    assert service.hear(3) == ["fail often"] * 3
    (parked,) = until(lambda: list(store().parked()))
    assert (parked.call.args, parked.call.attempt, parked.reason) == (["often"], 3, "ValueError")
    lines = service.logged("task started", task="tests.project.tasks.fail")
    assert [line["attempt"] for line in lines] == [1, 2, 3]


def test_the_number_of_the_attempt_is_told_to_a_task_that_asks(service):
    service.work()

    tasks.tell_attempt.enqueue("attempt")

    assert service.hear(1) == ["attempt 1"]


def test_no_line_of_the_log_has_a_value_of_an_argument(service):
    service.work(LOG_LEVEL="DEBUG")

    tasks.say.enqueue("a-secret-of-somebody")
    service.hear(1)
    until(lambda: service.logged("task succeeded"))

    assert "a-secret-of-somebody" not in service.log.read_text()


def test_a_task_that_takes_too_long_hears_of_it(service):
    service.work()

    tasks.sleep_too_long.enqueue()

    assert service.hear(2) == ["begin", "begin"]
    (parked,) = until(lambda: list(store().parked()))
    assert parked.reason == "SoftTimeLimitExceeded"


def test_a_task_that_does_not_want_to_hear_it_is_killed_and_counted(service):
    service.work()

    tasks.ignore_the_limit.enqueue()

    assert service.hear(2) == ["begin", "begin"]


def test_a_task_that_kills_its_process_is_parked_and_others_go_on(service):
    service.work()

    tasks.die.enqueue("poison")
    (parked,) = until(lambda: list(store().parked()))
    tasks.say.enqueue("hello")

    assert parked.reason == "It was begun 5 times and came to no end."
    assert service.hear(6) == ["begin poison"] * 5 + ["say hello"]
    assert [line for line in service.log.read_text().splitlines() if line[0] != "{"] == []


def test_a_busy_worker_holds_no_task_that_another_one_could_run(service):
    service.work()
    service.work()

    tasks.sleep.enqueue("long", 4)
    service.hear(1)
    for number in range(6):
        tasks.say.enqueue(number)

    assert service.hear(7)[1:] == [f"say {number}" for number in range(6)]


def test_a_task_of_a_higher_priority_goes_first(service):
    for priority in (-100, 0, 100):
        tasks.say.using(priority=priority).enqueue(priority)

    service.work()

    assert service.hear(3) == ["say 100", "say 0", "say -100"]


def test_a_task_for_later_waits_where_no_worker_holds_it(service):
    service.work()

    due_at = timezone.now() + timedelta(seconds=2)
    tasks.say.using(run_after=due_at).enqueue("later")
    tasks.say.enqueue("now")

    assert service.hear(1) == ["say now"]
    assert service.hear(2) == ["say now", "say later"]
    assert timezone.now() >= due_at
    assert until(lambda: store().waiting() == 0)


def test_a_task_that_no_worker_knows_waits_for_a_newer_one(service):
    service.work()

    application().send_task(ARRIVAL, args=[{"task": "x.y", "args": [], "kwargs": {}, "id": "7"}])

    assert until(lambda: service.logged("task is unknown here", task="x.y"))
    assert until(lambda: store().waiting() == 1)


@pytest.mark.parametrize("sent", [{"task": 7}, ["a", "list"], None])
def test_what_is_no_call_is_dropped_with_an_error(service, sent):
    service.work()

    application().send_task(ARRIVAL, args=[sent])
    tasks.say.enqueue("hello")

    assert service.hear(1) == ["say hello"]
    assert service.logged("task cannot be read")


def test_a_pickle_is_not_opened(service):
    service.work()

    options = application().conf.broker_transport_options
    with Connection(service.variables["BROKER_URL"], transport_options=options) as connection:
        connection.SimpleQueue("project").put(Bomb(service.variables), serializer="pickle")
    tasks.say.enqueue("hello")

    assert service.hear(1) == ["say hello"]


class Bomb:
    """Tells that it was opened, in whoever unpickles it."""

    def __init__(self, variables):
        self.url = variables["TOLD_URL"]

    def __reduce__(self):
        return exec, (f"import redis; redis.Redis.from_url({self.url!r}).rpush('told', 'bang')",)


def test_a_task_with_a_rhythm_is_run_once_in_each_span_however_many_workers_there_are(service):
    service.work()
    service.work()

    until(lambda: service.told.llen("ticks") >= 4)

    ticks = service.told.llen("ticks")
    assert ticks <= len(queue_keys(service, "every:*"))


@pytest.mark.django_db(transaction=True)
def test_the_database_can_be_asked_in_each_task(service, settings):
    service.variables["DATABASE_URL"] = database_url(settings)
    service.work(TASK_PROCESSES="2")

    for _ in range(4):
        tasks.ask_database.enqueue()

    assert service.hear(4) == ["asked"] * 4


def queue_keys(service, pattern):
    """What the store of the service holds."""
    with redis.Redis.from_url(service.variables["BROKER_URL"]) as client:
        return client.keys(f"{store().prefix}{pattern}")


def database_url(settings):
    """The URL of the database of the tests."""
    url = os.environ["DATABASE_URL"].rpartition("/")[0]
    return f"{url}/{settings.DATABASES['default']['NAME']}"


@pytest.mark.slow
def test_a_process_is_replaced_after_a_thousand_tasks(service):
    service.work()

    for _ in range(1_005):
        tasks.tell_process.enqueue()

    assert len(set(service.hear(1_005))) == 2
