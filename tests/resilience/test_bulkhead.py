from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from quintet.resilience.bulkhead import Bulkhead


@pytest.fixture
def full():
    bulkhead = Bulkhead(places=2, queue=3)
    assert [bulkhead.enter(0), bulkhead.enter(0)] == [True, True]
    return bulkhead


def waiting(bulkhead, number=1):
    pool = ThreadPoolExecutor(number)
    several = [pool.submit(bulkhead.enter, 10) for _ in range(number)]
    pool.shutdown(wait=False)
    while bulkhead.waiting < number:
        time.sleep(0.001)
    return several


def test_there_are_so_many_places_and_no_more(full):
    assert not full.enter(0.01)
    assert (full.taken, full.waiting) == (2, 0)


def test_who_waits_gets_the_place_that_is_given_back(full):
    (one,) = waiting(full)

    full.leave()

    assert one.result(10)
    assert full.taken == 2


def test_no_more_wait_than_the_queue_is_long(full):
    several = waiting(full, 3)

    assert not full.enter(math.inf)  # it would be for ever

    for _ in several:
        full.leave()
    assert all(one.result(10) for one in several)


def test_nobody_overtakes_who_waits(full, monkeypatch):
    (one,) = waiting(full)
    monkeypatch.setattr(full._freed, "notify", lambda: None)  # it has not noticed its place yet
    full.leave()

    assert not full.enter(0)

    monkeypatch.undo()
    with full._freed:
        full._freed.notify()
    assert one.result(10)


def test_many_threads_never_have_more_places_than_there_are():
    bulkhead, most = Bulkhead(places=4, queue=100), []

    def work(_):
        assert bulkhead.enter(10)
        most.append(bulkhead.taken)
        time.sleep(0.0005)
        bulkhead.leave()

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(work, range(400)))

    assert max(most) <= 4
    assert (bulkhead.taken, bulkhead.waiting) == (0, 0)
