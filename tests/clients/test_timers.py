from __future__ import annotations

import os
import threading
import time

import pytest

from quintet import context
from quintet.clients import timers
from quintet.clients.timers import Timers

PATIENCE = 10
LATER = 3600


def waits():
    return sum(thread.name == "quintet-timers" for thread in threading.enumerate())


def test_a_function_runs_when_its_time_has_come_in_the_context_of_the_caller():
    ran, seen, ours = threading.Event(), [], context.new()

    def function():
        seen.append(context.current())
        ran.set()

    with context.running(ours):
        Timers().after(0.01, function)

    assert ran.wait(PATIENCE)
    assert seen == [ours]


def test_whoever_is_due_earlier_does_not_wait_for_who_came_before():
    ran, all_timers = threading.Event(), Timers()

    all_timers.after(LATER, lambda: None)
    all_timers.after(0.01, ran.set)

    assert ran.wait(PATIENCE)


def test_what_was_called_off_does_not_run():
    ran, told, all_timers = threading.Event(), [], Timers()

    all_timers.after(0.02, lambda: told.append("called off")).call_off()
    all_timers.after(0.05, ran.set)

    assert ran.wait(PATIENCE)
    assert told == []


def test_a_function_that_fails_or_hangs_holds_nobody_up(monkeypatch):
    failed, hangs, ran, all_timers = *(threading.Event() for _ in range(3)), Timers()
    monkeypatch.setattr(threading, "excepthook", lambda told: failed.set())

    all_timers.after(0.01, lambda: {}["missing"])
    all_timers.after(0.02, lambda: hangs.wait(PATIENCE))
    all_timers.after(0.03, ran.set)

    assert ran.wait(PATIENCE)
    assert failed.wait(PATIENCE)
    hangs.set()


class NoThread(threading.Thread):
    def start(self):
        raise RuntimeError("can't start new thread")


def test_without_a_thread_to_wait_nothing_is_kept_until_there_is_one(monkeypatch):
    ran, all_timers = threading.Event(), Timers()
    with monkeypatch.context() as patch:
        patch.setattr(timers, "Thread", NoThread)
        all_timers.after(0.01, ran.set)
    assert all_timers._due == []

    all_timers.after(0.01, ran.set)

    assert ran.wait(PATIENCE)


def test_without_a_thread_to_run_one_the_others_are_run_later(monkeypatch):
    ran, all_timers, tried = threading.Event(), Timers(), threading.Event()

    class Tried(NoThread):
        def start(self):
            tried.set()
            super().start()

    all_timers.after(LATER, lambda: None)
    with monkeypatch.context() as patch:
        patch.setattr(timers, "Thread", Tried)
        all_timers.after(0.01, lambda: None)
        assert tried.wait(PATIENCE)

    all_timers.after(0.01, ran.set)

    assert ran.wait(PATIENCE)


def test_one_thread_waits_for_all():
    before, all_timers = waits(), Timers()

    for _ in range(100):
        all_timers.after(LATER, lambda: None)

    assert waits() == before + 1


def test_what_was_called_off_is_not_kept_until_its_time_would_have_come():
    ran, all_timers = threading.Event(), Timers()
    for _ in range(100):
        all_timers.after(LATER, lambda: None).call_off()

    all_timers.after(0.01, ran.set)
    assert ran.wait(PATIENCE)

    ends_at = time.monotonic() + PATIENCE
    while all_timers._due and time.monotonic() < ends_at:
        time.sleep(0.01)
    assert all_timers._due == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # 3.12 warns of forks beside threads
def test_a_child_of_a_fork_has_timers_of_its_own():
    timers.after(LATER, lambda: None)

    if (child := os.fork()) == 0:
        ran = threading.Event()
        timers.after(0.01, ran.set)
        os._exit(0 if ran.wait(PATIENCE) else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
