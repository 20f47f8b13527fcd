from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from quintet import context
from quintet.health import CheckResult
from quintet.health.watched import Verdict, Watched


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Counting:
    """A check that counts its runs, and can be made to hang or to fail."""

    def __init__(self):
        self.runs = 0
        self.healthy = True
        self.error: Exception | None = None
        self.go = threading.Event()
        self.go.set()

    def __call__(self):
        self.runs += 1
        self.go.wait()
        if self.error:
            raise self.error
        return CheckResult(healthy=self.healthy, details={"run": self.runs})


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def check():
    made = Counting()
    yield made
    made.go.set()


@pytest.fixture
def watched(check, clock):
    return Watched("thing", check, timeout_seconds=30, fresh_seconds=2, clock=clock)


@pytest.fixture
def hurried(check, clock):
    """Waits for nothing."""
    return Watched("thing", check, timeout_seconds=0, fresh_seconds=2, clock=clock)


def test_a_result_is_remembered_for_a_moment(watched, check, clock):
    watched.result()
    clock.now += 1.9
    watched.result()

    assert check.runs == 1


def test_a_result_that_is_old_is_replaced(watched, check, clock):
    watched.result()
    clock.now += 2
    result = watched.result()

    assert result.details["run"] == 2


def test_a_result_says_how_long_it_took(watched):
    assert watched.result().details["response_time_ms"] >= 0


def test_everybody_who_asks_at_once_waits_for_one_run(watched, check):
    check.go.clear()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(watched.result) for _ in range(8)]
        check.go.set()
        results = [future.result() for future in asked]

    assert check.runs == 1
    assert {result.details["run"] for result in results} == {1}


def test_whoever_wakes_up_later_gets_what_the_first_has_noted(watched, check):
    watched.begin()
    run, wait = watched._run, watched._run.over.wait

    def somebody_else_is_faster(timeout):
        run.over.wait = wait
        watched.result()

    run.over.wait = somebody_else_is_faster
    result = watched.result()

    assert (result.details["run"], check.runs) == (1, 1)


def test_a_check_that_hangs_is_unhealthy_when_its_time_is_over(hurried, check):
    check.go.clear()

    result = hurried.result()

    assert result.as_dict() == {"healthy": False, "error": "timeout"}


def test_a_check_that_hangs_is_logged(hurried, check, captured_logs):
    check.go.clear()

    hurried.result()

    assert [(line["check"], line["reason"]) for line in captured_logs] == [("thing", "timeout")]


def test_a_check_that_hangs_costs_one_thread_however_often_it_is_asked(hurried, check, clock):
    check.go.clear()
    for _ in range(5):
        hurried.result()
        clock.now += 2

    assert check.runs == 1


def test_a_check_that_hung_is_run_again_once_it_has_ended(hurried, check, clock):
    check.go.clear()
    hurried.result()
    late = hurried._run
    clock.now += 60
    check.go.set()
    late.over.wait()

    hurried.begin()

    assert hurried._run is not late


def test_a_check_that_raises_is_unhealthy_and_tells_only_the_name_of_the_error(watched, check):
    check.error = RuntimeError("password=hunter2")

    assert watched.result().as_dict() == {"healthy": False, "error": "RuntimeError"}


def test_a_check_that_raises_is_logged(watched, check, captured_logs):
    check.error = RuntimeError("the disk is gone")

    watched.result()

    (line,) = captured_logs
    assert line["check"] == "thing"
    assert "the disk is gone" in line["exception"]


def test_a_check_runs_in_the_context_of_whoever_asked():
    seen = []

    def check():
        seen.append(context.current())
        return CheckResult(healthy=True)

    with context.running(context.new()) as here:
        Watched("thing", check).result()

    assert seen == [here]


def test_beginning_twice_runs_once(watched, check):
    watched.begin()
    watched.begin()
    watched.result()

    assert check.runs == 1


def test_nothing_is_remembered_before_the_first_run(watched):
    with pytest.raises(RuntimeError, match="The check thing has not run yet"):
        watched._remembered()


def verdict(*results):
    made = Verdict()
    for result in results:
        made.count(healthy=result)
    return made.is_up


@pytest.mark.parametrize(
    ("results", "up"),
    [
        ((), False),
        ((False,), False),
        ((True,), True),
        ((True, False), True),
        ((True, False, False), True),
        ((True, False, False, False), False),
        ((True, False, False, True, False, False), True),
        ((True, False, False, False, True), True),
    ],
)
def test_a_verdict_falls_after_three_failures_in_a_row_and_rises_after_one_success(results, up):
    assert verdict(*results) is up
