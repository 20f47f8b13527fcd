from __future__ import annotations

import os
import threading

import pytest

from quintet.lifecycle.monitor import LONGEST_PAUSE_SECONDS, Monitor

PATIENCE_SECONDS = 30


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def monitor(clock):
    made = Monitor(clock=clock)
    yield made
    made.stop(PATIENCE_SECONDS)


def test_each_task_runs_at_its_own_pace(monitor, clock):
    ran = []
    monitor.every(1, "often", run=lambda: ran.append("often"))
    monitor.every(3, "seldom", run=lambda: ran.append("seldom"))

    for _ in range(6):
        clock.now += 1
        monitor.run_due()

    assert (ran.count("often"), ran.count("seldom")) == (6, 2)


def test_it_pauses_until_the_next_task_is_due_but_not_for_long(monitor, clock):
    assert monitor.run_due() == 0.0
    monitor.every(60, "seldom", run=lambda: None)
    assert monitor.run_due() == LONGEST_PAUSE_SECONDS
    monitor.every(0.5, "often", run=lambda: None)
    assert monitor.run_due() == 0.5


def test_a_task_takes_the_place_of_the_one_with_its_name(monitor, clock):
    ran = []
    monitor.every(1, "look", run=lambda: ran.append("old"))
    monitor.every(1, "look", run=lambda: ran.append("new"))

    clock.now += 1
    monitor.run_due()

    assert ran == ["new"]


def test_a_task_that_fails_is_said_once_until_it_has_worked_again(monitor, clock, captured_logs):
    fails = [True, True, False, True]
    ran = []

    def look():
        if fails.pop(0):
            raise OSError("no descriptor left")

    monitor.every(1, "look", run=look)
    monitor.every(1, "other", run=lambda: ran.append(1))
    said = []
    for _ in range(4):
        clock.now += 1
        monitor.run_due()
        said.append(len(captured_logs))

    assert said == [1, 1, 1, 2]
    assert captured_logs[0]["task"] == "look"
    assert "no descriptor left" in captured_logs[0]["exception"]
    assert len(ran) == 4


def test_the_thread_runs_until_it_is_stopped():
    monitor = Monitor()
    ran = threading.Event()
    monitor.every(0.01, "look", run=ran.set)

    monitor.start()
    monitor.start()
    assert ran.wait(PATIENCE_SECONDS)
    thread = monitor._thread
    monitor.stop(PATIENCE_SECONDS)

    assert thread.daemon
    assert not thread.is_alive()


def test_a_process_that_has_no_more_threads_goes_on_unwatched(monitor, monkeypatch, captured_logs):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)

    monitor.start()

    assert monitor.started
    assert captured_logs[0]["message"] == "nobody watches this process"


def test_a_forked_child_starts_a_thread_of_its_own(monitor):
    monitor.start()

    child = os.fork()
    if child == 0:  # pragma: no cover - what a child covers is not collected
        monitor.forget()
        unwatched = not monitor.started
        monitor.start()
        alive = monitor._thread.is_alive()
        os._exit(0 if unwatched and alive else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert monitor.started
