from __future__ import annotations

import threading
import time
from collections import Counter
from itertools import chain, repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quintet.resilience import limiter as module
from quintet.resilience.limiter import Limiter, Refusal
from tests.resilience.simulation import Clock, Process

CEILINGS = st.integers(min_value=1, max_value=64)
DURATIONS = st.floats(min_value=0.001, max_value=5)

simulated = settings(max_examples=15, deadline=None)


def process(takes, *, ceiling=8, **options):
    return Process(Limiter(ceiling=ceiling, clock=Clock(), **options), takes)


def constant(seconds):
    return lambda _: seconds


def contended(seconds, capacity):
    """Beyond its capacity everybody waits for everybody, as for a processor or a database."""
    return lambda in_flight: seconds * max(1.0, in_flight / capacity)


@simulated
@given(ceiling=CEILINGS, seconds=DURATIONS, overload=st.floats(min_value=0.2, max_value=10))
def test_a_process_that_only_waits_keeps_its_whole_ceiling(ceiling, seconds, overload):
    capacity = ceiling / seconds

    ran = process(constant(seconds), ceiling=ceiling).offer(20 * seconds, a=overload * capacity)

    assert ran.limits <= {ceiling}
    assert sum(ran.done.values()) >= 0.49 * min(1, overload) * ceiling * 20 - ceiling - 1


@simulated
@given(ceiling=st.integers(min_value=4, max_value=64), slower=st.floats(min_value=2, max_value=50))
def test_the_limit_falls_when_latency_doubles_under_load_and_recovers(ceiling, slower):
    ran = process(constant(0.1), ceiling=ceiling).offer(5, a=12 * ceiling)
    assert ran.limiter.limit == ceiling

    ran.takes = constant(0.1 * slower)
    ran.offer(10 * slower, a=12 * ceiling / slower)
    fallen = ran.limiter.limit
    ran.takes = constant(0.1)
    ran.offer(10 + 0.1 * slower, a=12 * ceiling)

    assert ran.limiter.floor <= fallen < ceiling
    assert ran.limiter.limit == ceiling


@simulated
@given(ceiling=st.integers(min_value=8, max_value=64), capacity=st.integers(1, 3))
def test_what_waits_for_a_scarce_thing_gets_fewer_places_and_gets_no_less_done(ceiling, capacity):
    ran = process(contended(0.05, capacity), ceiling=ceiling)
    ran.offer(5, a=0.5 * capacity / 0.05)
    before = sum(ran.done.values())

    ran.offer(20, a=5 * capacity / 0.05)

    assert ran.limiter.limit < 0.9 * ceiling
    assert sum(ran.done.values()) - before >= 0.95 * 20 * capacity / 0.05


def test_one_slow_request_changes_nothing():
    durations = chain(repeat(0.1, 300), [30], repeat(0.1))

    ran = process(lambda _: next(durations)).offer(60, a=200)

    assert ran.limits == {8}


def test_a_slow_service_that_is_not_busy_is_not_slow_because_of_us():
    ran = process(constant(0.1)).offer(60, a=10)

    ran.takes = constant(0.5)
    ran.offer(60, a=4)

    assert ran.limits == {8}


def test_more_of_a_slow_route_is_no_overload():
    ran = process(constant(0.01)).offer(20, a=700)

    slow = Process(ran.limiter, constant(0.5), route="/report/").offer(60, a=15)
    slow.finish(1e9)

    assert slow.limits == {8}
    assert Process(ran.limiter, constant(0.01)).offer(20, a=700).limits == {8}


def test_failures_that_come_at_once_do_not_make_the_usual_answer_look_slow():
    """Otherwise the end of an outage would look like the beginning of an overload."""
    ran = process(constant(0.2)).offer(20, a=200)
    ran.takes, ran.ok = constant(0.002), False
    ran.offer(120, a=200)

    ran.takes, ran.ok = constant(0.2), True
    ran.offer(20, a=200)

    assert ran.limits == {8}


def test_a_route_that_only_ever_failed_has_nothing_usual():
    ran = process(constant(0.001))
    ran.ok = False
    ran.offer(20, a=200)

    ran.takes, ran.ok = constant(0.2), True

    assert ran.offer(20, a=200).limits == {8}


def test_failures_that_take_long_are_a_reason_to_do_less():
    ran = process(constant(0.1)).offer(20, a=200)

    ran.takes, ran.ok = constant(1), False
    ran.offer(20, a=200)

    assert ran.limiter.limit < 8


def test_a_service_that_is_slower_for_good_is_not_starved_for_ever():
    ran = process(constant(0.1)).offer(20, a=100)
    ran.takes = constant(0.2)
    ran.offer(30, a=100)
    assert ran.limiter.limit < 8

    ran.offer(600, a=100)

    assert ran.limiter.limit == 8


def test_what_was_measured_long_ago_refuses_nobody():
    ran = process(constant(0.1)).offer(20, a=200)
    ran.takes = constant(2)
    ran.offer(60, a=200)
    ran.finish(ran.limiter.clock.now + 10)
    assert ran.limiter.limit < 8

    ran.limiter.clock.now += 60

    assert [ran.limiter.acquire("a") for _ in range(9)] == [None] * 8 + [Refusal.FULL]


@given(
    ceiling=CEILINGS,
    steps=st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c", ""]),
            st.booleans(),
            st.floats(min_value=0, max_value=3),
            st.booleans(),
        ),
        max_size=200,
    ),
    share=st.floats(min_value=0.01, max_value=1),
)
def test_the_bounds_hold_whatever_happens(ceiling, steps, share):
    limiter = Limiter(ceiling=ceiling, client_share=share, clock=Clock())
    taken = []
    for client, gives_back, passed, flag in steps:
        limiter.clock.now += passed
        if gives_back and taken:
            owner, began = taken.pop(len(taken) // 2)
            limiter.release(owner, route=client, began=began, ok=flag)
        else:
            free = limiter.limit - limiter.in_flight
            refusal = limiter.acquire(client, priority=flag)
            assert refusal is None or limiter.in_flight > 0
            if refusal is None:
                assert free > 0 or limiter.limit == ceiling
                taken.append((client, limiter.clock.now))
        assert limiter.in_flight == len(taken)
        assert limiter.in_flight <= ceiling
        assert limiter.floor <= limiter.limit <= ceiling

    for owner, began in taken:
        limiter.release(owner, began=began)
    assert limiter.in_flight == 0
    assert limiter._clients == {}


def test_a_place_is_kept_for_priority_while_there_are_such_requests():
    limiter = Limiter(ceiling=8, clock=Clock())
    assert [limiter.acquire("a") for _ in range(8)] == [None] * 8
    assert limiter.acquire("b", priority=True) is Refusal.FULL

    limiter.release("a")

    assert limiter.acquire("a") is Refusal.RESERVED
    assert limiter.acquire("b", priority=True) is None
    assert limiter.acquire("b", priority=True) is Refusal.FULL


def test_no_place_is_kept_when_nobody_with_priority_has_come_for_a_minute():
    limiter = Limiter(ceiling=8, clock=Clock())
    for _ in range(7):
        limiter.acquire("a", priority=True)
    assert limiter.acquire("a") is Refusal.RESERVED

    limiter.clock.now += 61

    assert limiter.acquire("a") is None


def test_a_single_place_is_for_everybody():
    limiter = Limiter(ceiling=1, clock=Clock())
    limiter.acquire("a", priority=True)
    limiter.release("a")

    assert limiter.acquire("a") is None
    assert limiter.acquire("a", priority=True) is Refusal.FULL


def test_a_client_alone_may_take_everything():
    ran = process(constant(0.2), client_share=0.5).offer(20, greedy=400)

    assert ran.done["greedy"] >= 0.95 * 20 * 8 / 0.2
    assert {reason for _, reason in ran.refused} == {"full"}


def test_a_client_that_asks_too_much_is_refused_and_the_others_are_not():
    ran = process(constant(0.2), client_share=0.5).offer(5, greedy=400)
    ran.refused.clear()

    ran.offer(30, greedy=400, b=3, c=3, d=3)

    others = {name: count for (name, _), count in ran.refused.items() if name != "greedy"}
    assert sum(others.values()) <= 3  # the first of each, while everything was taken
    assert ran.done["greedy"] >= 0.5 * 30 * 8 / 0.2


def test_a_client_that_never_goes_is_not_forgotten_to_be_there():
    """It is never a newcomer, since its next request comes before the last one is over."""
    ran = process(constant(0.2), client_share=0.5).offer(60, greedy=400, steady=11)

    assert ran.done["steady"] >= 0.97 * 60 * 11


def test_more_than_its_share_is_a_clients_while_enough_is_free():
    limiter = Limiter(ceiling=8, client_share=0.25, clock=Clock())
    limiter.acquire("other")

    assert [limiter.acquire("a") for _ in range(6)] == [None] * 5 + [Refusal.CLIENT]


def test_without_an_address_nobody_is_the_same_client():
    limiter = Limiter(ceiling=8, client_share=0.1, clock=Clock())
    limiter.acquire("a")

    assert [limiter.acquire("") for _ in range(7)] == [None] * 7


def test_a_client_is_forgotten_with_its_last_request():
    ran = process(constant(0.01)).offer(10, **{f"client-{n}": 2 for n in range(50)})
    ran.finish(1e9)

    assert sum(ran.done.values()) == 1000
    assert ran.limiter._clients == {}


def test_no_more_routes_are_remembered_than_a_service_has():
    limiter = Limiter(ceiling=8, clock=Clock())
    for number in range(2 * module.MOST_ROUTES):
        limiter.acquire("a")
        limiter.release("a", route=f"/{number}/", began=0.0)

    assert len(limiter._routes) <= module.MOST_ROUTES + 1


class Interrupting(str):
    """A name that lets other threads run whenever it is looked up."""

    __slots__ = ()

    def __hash__(self):
        time.sleep(0)
        return super().__hash__()


def test_many_threads_never_hold_more_places_than_there_are():
    limiter, most, seen = Limiter(ceiling=4, client_share=0.5), [], Counter()

    def work(name):
        for _ in range(500):
            refusal = limiter.acquire(name)
            seen[refusal] += 1
            if refusal is None:
                most.append(limiter.in_flight)
                limiter.release(name, route="/", began=limiter.clock())

    threads = [threading.Thread(target=work, args=(Interrupting(n % 3),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert max(most) <= 4
    assert limiter.in_flight == 0
    assert limiter._clients == {}


@pytest.mark.parametrize(("ceiling", "floor"), [(1, 1), (4, 1), (8, 2), (64, 16)])
def test_the_floor_is_a_quarter_of_the_ceiling(ceiling, floor):
    assert Limiter(ceiling=ceiling).floor == floor
    assert Limiter(ceiling=ceiling, floor=1).floor == 1
