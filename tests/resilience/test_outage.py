from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import sleep

import pytest

from quintet.resilience.outage import Outage


@pytest.fixture
def time():
    return [100.0]


@pytest.fixture
def outage(time):
    return Outage(retry_seconds=2, clock=lambda: time[0])


def test_nobody_is_spared_while_nothing_is_out(outage):
    assert not outage.spares()


def test_everybody_is_spared_at_the_beginning(outage):
    outage.begin()

    assert [outage.spares() for _ in range(3)] == [True] * 3


def test_one_caller_tries_again_in_each_interval(outage, time):
    outage.begin()

    tries = []
    for _ in range(3):
        time[0] += 2
        tries.append([outage.spares() for _ in range(4)])

    assert tries == [[False, True, True, True]] * 3


class Slow(float):
    """A number that lets other threads go on while it is added."""

    def __radd__(self, other):
        sleep(0.001)
        return other + float(self)


def test_one_of_many_threads_tries_again():
    now, start = [100.0], Barrier(8)
    outage = Outage(retry_seconds=Slow(2), clock=lambda: now[0])
    outage.begin()
    now[0] += 2

    def look(_):
        start.wait()
        return outage.spares()

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(look, range(8))) == [False] + [True] * 7


def test_a_failed_try_begins_the_interval_anew(outage, time):
    outage.begin()
    time[0] += 2
    outage.spares()
    time[0] += 1

    outage.begin()
    time[0] += 1.5

    assert outage.spares()


def test_only_the_transitions_are_told(outage):
    assert [outage.begin(), outage.begin(), outage.end(), outage.end(), outage.begin()] == [
        True, False, True, False, True,
    ]  # fmt: skip


def test_it_is_over_once_something_succeeds(outage):
    outage.begin()

    outage.end()

    assert not outage.spares()
