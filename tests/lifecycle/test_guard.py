from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from quintet.lifecycle import guard, pressure, succession
from quintet.lifecycle.guard import RECYCLE_SECONDS, RELIEF_SECONDS, Guard, is_largest


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def deeds(monkeypatch):
    """What was done about it."""
    done = []
    monkeypatch.setattr(pressure, "relieve", lambda: done.append("relieve"))
    monkeypatch.setattr(succession, "ask", done.append)
    monkeypatch.setattr(guard, "is_largest", lambda: True)
    return done


def test_memory_that_runs_short_is_given_up_at_once_and_then_now_and_again(deeds, clock):
    watched = Guard(85.0, clock=clock)

    watched.look(84.9)
    assert deeds == []
    for seconds in (0, 5, RELIEF_SECONDS - 6, 1):
        clock.now += seconds
        watched.look(90.0)

    assert deeds == ["relieve", "relieve"]


def test_a_process_that_stays_too_large_asks_for_a_successor(deeds, clock):
    watched = Guard(85.0, clock=clock)

    watched.look(90.0)
    clock.now += RECYCLE_SECONDS
    watched.look(90.0)

    assert deeds == ["relieve", "memory"]


def test_one_that_became_smaller_does_not(deeds, clock):
    watched = Guard(85.0, clock=clock)

    watched.look(90.0)
    watched.look(50.0)
    clock.now += RECYCLE_SECONDS
    watched.look(90.0)

    assert deeds == ["relieve", "relieve"]


def test_the_smaller_ones_stay(deeds, clock, monkeypatch):
    monkeypatch.setattr(guard, "is_largest", lambda: False)
    watched = Guard(85.0, clock=clock)

    watched.look(90.0)
    clock.now += RECYCLE_SECONDS
    watched.look(90.0)

    assert deeds == ["relieve", "relieve"]


def family(monkeypatch, *sizes):
    """Siblings of these sizes; this process is as large as it is."""
    own = psutil.Process().memory_info().rss
    others = [
        SimpleNamespace(pid=-number, memory_info=lambda size=size: SimpleNamespace(rss=own * size))
        for number, size in enumerate(sizes, start=1)
    ]
    this = psutil.Process()
    monkeypatch.setattr(
        psutil.Process, "parent", lambda _: SimpleNamespace(children=lambda: [this, *others])
    )


@pytest.mark.parametrize(("sizes", "largest"), [((0.5, 0.9), True), ((0.5, 10), False), ((), True)])
def test_the_largest_of_a_family_knows_that_it_is(monkeypatch, sizes, largest):
    family(monkeypatch, *sizes)

    assert is_largest() is largest


def test_one_without_a_parent_is_the_largest(monkeypatch):
    monkeypatch.setattr(psutil.Process, "parent", lambda _: None)

    assert is_largest()


def test_one_whose_family_falls_apart_meanwhile_is_as_good_as_any(monkeypatch):
    def gone(_):
        raise psutil.NoSuchProcess(1)

    monkeypatch.setattr(psutil.Process, "parent", gone)

    assert is_largest()


def test_real_siblings_are_compared():
    program = "from quintet.lifecycle.guard import is_largest; print(is_largest())"
    ballast = "import time; kept = bytearray(300_000_000); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", ballast], stdout=subprocess.PIPE) as large:
        large.stdout.readline()
        small = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        large.kill()

    assert small.stdout == "False\n"
