from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from quintet.lifecycle import phase, profiling
from quintet.lifecycle.profiling import Busy, profile


class Clock:
    """Time that passes when somebody pauses."""

    now = 100.0

    def __call__(self):
        return self.now

    def pause(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


def looked(clock, seconds=0.1):
    """The stacks, each as the list of its calls, and how often each was seen."""
    rows = profile(seconds, pause=clock.pause, clock=clock).splitlines()
    split = (row.rsplit(" ", 1) for row in rows)
    return [(stack.split(";"), int(count)) for stack, count in split]


def busy_place(entered, leaves):
    entered.set()
    leaves.wait(30)


@pytest.fixture
def worker():
    """A thread that is at `busy_place` until the test is over."""
    entered, leaves = threading.Event(), threading.Event()
    thread = threading.Thread(target=busy_place, args=(entered, leaves))
    thread.start()
    assert entered.wait(30)
    yield thread
    leaves.set()
    thread.join()


def of_worker(rows):
    return [(stack, count) for stack, count in rows if any("busy_place" in call for call in stack)]


def test_a_stack_is_told_from_the_outermost_call_on_with_how_often_it_was_seen(worker, clock):
    rows = looked(clock, seconds=0.1)

    ((stack, count),) = of_worker(rows)
    assert stack[0] == "threading:Thread._bootstrap"
    assert stack[stack.index(f"{__name__}:busy_place") + 1] == "threading:Event.wait"
    assert count in {10, 11}


def test_the_thread_that_looks_and_those_of_the_chassis_are_left_out(worker, clock):
    worker.name = "quintet-monitor"

    rows = looked(clock)

    assert of_worker(rows) == []
    assert not any("profiling" in call for stack, _ in rows for call in stack)


def test_threads_that_have_nothing_to_do_are_left_out(clock):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        time.sleep(0.05)  # it is at its queue again by then

        rows = looked(clock)

    assert not any("_worker" in stack[-1] for stack, _ in rows)


def test_one_at_a_time(worker, clock):
    def pause(seconds):
        with pytest.raises(Busy):
            profile(1)
        clock.pause(seconds)

    profile(0.02, pause=pause, clock=clock)

    assert of_worker(looked(clock))


def test_nobody_looks_for_longer_than_half_a_minute(clock):
    began = clock.now

    profile(1e9, pause=clock.pause, clock=clock)

    assert clock.now - began == pytest.approx(profiling.MOST_SECONDS, abs=0.1)


def test_a_service_that_stops_is_not_held_up(clock):
    began = clock.now

    def pause(seconds):
        clock.pause(seconds)
        phase.begin_stopping()

    profile(10, pause=pause, clock=clock)
    phase.begin_serving()

    assert clock.now - began < 1


def test_so_many_stacks_are_told_apart_and_the_others_counted_together(worker, clock, monkeypatch):
    monkeypatch.setattr(profiling, "MOST_STACKS", 0)

    (row,) = looked(clock)

    assert row[0] == [profiling.REST]


def test_of_too_deep_a_stack_the_innermost_calls_are_told(worker, clock, monkeypatch):
    monkeypatch.setattr(profiling, "DEEPEST", 3)

    stacks = [stack for stack, _ in looked(clock) if "threading:Event.wait" in stack]

    assert {len(stack) for stack in stacks} == {3}


def test_a_real_look_finds_where_the_time_goes():
    leaves = threading.Event()

    def burn():
        while not leaves.is_set():
            sum(range(1000))

    thread = threading.Thread(target=burn)
    thread.start()
    stacks = profile(0.3)
    leaves.set()
    thread.join()

    assert any("burn" in row for row in stacks.splitlines())
