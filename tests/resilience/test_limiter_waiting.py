"""Who waits for a place of a limiter, and for how long."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from quintet.resilience import limiter as module
from quintet.resilience.limiter import Limiter, Refusal
from tests.resilience.simulation import Clock


@pytest.fixture
def full():
    """A process of two places that are taken."""
    limiter = Limiter(ceiling=2)
    limiter.acquire()
    limiter.acquire()
    return limiter


def waiting(limiter, *, number=1, **given):
    """Let some wait; return what became of them, once they do."""
    pool = ThreadPoolExecutor(number)
    several = [pool.submit(limiter.wait, **({"seconds": 10} | given)) for _ in range(number)]
    pool.shutdown(wait=False)
    while limiter._waiting < number:
        time.sleep(0.001)
    return several


def test_who_waits_gets_the_next_place(full):
    (one,) = waiting(full)

    full.release()

    assert one.result(10) is None
    assert full.in_flight == 2


def test_nobody_overtakes_who_waits(full, monkeypatch):
    one, other = waiting(full, number=2)

    monkeypatch.setattr(full._freed, "notify", lambda _: None)  # none of them has noticed it yet
    full.release()
    assert full.acquire() is Refusal.FULL
    monkeypatch.undo()
    full.release()

    assert (one.result(10), other.result(10)) == (None, None)


def test_as_many_wait_as_there_are_places_and_the_next_is_told_at_once(full):
    several = waiting(full, number=2)

    assert full.wait(seconds=10) is Refusal.FULL

    full.release()
    full.release()
    assert [one.result(10) for one in several] == [None, None]


def test_who_waited_in_vain_is_refused_and_leaves_nothing(full):
    assert full.wait(seconds=0.01) is Refusal.FULL
    assert (full._waiting, full.in_flight) == (0, 2)


def slow(*holders, moments):
    """A limiter whose requests take so many moments, and whose places these clients have."""
    clock = Clock()
    limiter = Limiter(ceiling=len(holders), clock=clock)
    for _ in range(module.FEWEST_SAMPLES):
        limiter.acquire()
        began, clock.now = clock.now, clock.now + moments * module.MOMENT_SECONDS
        limiter.release(route="/", began=began)
    for holder in holders:
        assert limiter.acquire(holder) is None
    return limiter


@pytest.mark.parametrize("holders", [("",), ("a", "b"), ("a", "a", "b", "b"), ("", "", "")])
@pytest.mark.parametrize("client", ["", "a", "b"])
def test_nobody_waits_where_requests_take_longer_than_a_moment(holders, client):
    limiter = slow(*holders, moments=1.1)

    assert limiter.wait(client, seconds=math.inf) is Refusal.FULL  # it would be for ever


def test_a_client_that_has_fewer_places_than_another_waits_where_requests_are_slow():
    limiter = slow("greedy", "greedy", "greedy", "modest", moments=2)
    (modest,) = waiting(limiter, client="modest")

    assert limiter.wait("greedy", seconds=math.inf) is Refusal.FULL

    limiter.release("greedy")
    assert modest.result(10) is None


def test_where_requests_are_slow_as_many_wait_as_will_have_a_place_in_a_moment():
    limiter = slow(*["greedy"] * 8, moments=4)
    several = waiting(limiter, client="modest", number=2)

    assert limiter.wait("modest", seconds=math.inf) is Refusal.FULL

    for _ in several:
        limiter.release("greedy")
    assert [one.result(10) for one in several] == [None, None]


def test_a_place_that_was_freed_before_anybody_waited_is_taken(full, monkeypatch):
    acquire = full.acquire

    def overtaken(client, *, priority):
        refusal = acquire(client, priority=priority)
        full.release()
        return refusal

    monkeypatch.setattr(full, "acquire", overtaken)

    assert full.wait(seconds=math.inf) is None


def test_a_client_with_its_share_does_not_wait():
    limiter = Limiter(ceiling=2, client_share=0.5)
    limiter.acquire("a")
    limiter.acquire("b")
    limiter.release("b")

    assert limiter.wait("a", seconds=math.inf) is Refusal.CLIENT


def test_a_burst_of_short_requests_loses_none():
    limiter, most = Limiter(ceiling=4), []

    def work(_):
        refusal = limiter.wait(seconds=10)
        if refusal is None:
            most.append(limiter.in_flight)
            time.sleep(0.001)
            limiter.release(route="/", began=limiter.clock())
        return refusal

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(400))) == {None}

    assert max(most) <= 4
    assert (limiter.in_flight, limiter._waiting) == (0, 0)
