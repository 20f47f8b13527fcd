from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from quintet.resilience import breaker as module
from quintet.resilience.breaker import Breaker, State
from tests.resilience.simulation import Clock


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def changes():
    return []


@pytest.fixture
def breaker(clock, changes):
    return Breaker(clock=clock, changed=changes.append, chance=lambda: 0.5)


def call(breaker, *, good):
    era = breaker.admit()
    assert era is not None
    (breaker.succeeded if good else breaker.failed)(era)


def opened(breaker):
    while breaker.state is not State.OPEN:
        call(breaker, good=False)


def test_a_breaker_is_closed_and_lets_everybody_through(breaker):
    eras = {breaker.admit() for _ in range(100)}

    assert None not in eras
    assert breaker.state is State.CLOSED


def test_a_few_failures_in_a_row_open_it(breaker, changes):
    for _ in range(module.MOST_IN_A_ROW - 1):
        call(breaker, good=False)
    assert breaker.state is State.CLOSED

    call(breaker, good=False)

    assert changes == [State.OPEN]
    assert breaker.admit() is None


def test_four_of_five_of_many_calls_that_fail_open_it(breaker):
    for number in range(module.FEWEST_CALLS - 1):
        call(breaker, good=number % 5 == 0)
    assert breaker.state is State.CLOSED

    call(breaker, good=False)

    assert breaker.state is State.OPEN


def test_half_of_the_calls_that_fail_leave_it_closed(breaker):
    for number in range(300):
        call(breaker, good=number % 2 == 0)

    assert breaker.state is State.CLOSED


def test_failures_of_long_ago_are_forgotten(breaker, clock):
    for number in range(module.FEWEST_CALLS - 1):
        call(breaker, good=number % 5 == 0)
    clock.now += module.WINDOW_SECONDS + 2

    call(breaker, good=False)

    assert breaker.state is State.CLOSED


def test_it_says_for_how_long_it_stays_open(breaker, clock):
    assert breaker.retry_seconds == 0

    opened(breaker)
    clock.now += 0.25

    assert breaker.retry_seconds == module.OPEN_SECONDS - 0.25


def test_after_a_while_a_few_calls_are_let_through_at_once(breaker, clock):
    opened(breaker)
    clock.now += module.OPEN_SECONDS

    eras = [breaker.admit() for _ in range(20)]

    assert sum(era is not None for era in eras) == module.PROBES
    assert breaker.state is State.HALF_OPEN


def test_many_threads_get_no_more_probes_than_there_are(clock):
    breaker = Breaker(clock=clock)
    opened(breaker)
    clock.now += 2 * module.OPEN_SECONDS
    together = threading.Barrier(20)

    def ask(_):
        together.wait()
        return breaker.admit()

    with ThreadPoolExecutor(20) as pool:
        eras = list(pool.map(ask, range(20)))

    assert sum(era is not None for era in eras) == module.PROBES


@pytest.mark.parametrize("good", [(True, True, True), (False, False, True), (True, False, False)])
def test_a_probe_that_succeeds_closes_it_when_all_have_ended(breaker, clock, changes, good):
    opened(breaker)
    clock.now += module.OPEN_SECONDS

    for one in good:
        assert breaker.state is not State.CLOSED
        call(breaker, good=one)

    assert changes == [State.OPEN, State.HALF_OPEN, State.CLOSED]
    assert breaker.admit() is not None


def failing_probes(breaker, clock):
    clock.now += breaker.retry_seconds
    for _ in range(module.PROBES):
        call(breaker, good=False)


def test_probes_that_fail_open_it_for_twice_as_long_each_time_up_to_a_bound(breaker, clock):
    opened(breaker)
    seconds = []
    for _ in range(5):
        seconds.append(breaker.retry_seconds)
        failing_probes(breaker, clock)

    assert seconds == [1, 2, 4, 8, 10]


def test_once_closed_it_opens_for_a_short_time_again(breaker, clock):
    opened(breaker)
    failing_probes(breaker, clock)
    clock.now += breaker.retry_seconds
    for _ in range(module.PROBES):
        call(breaker, good=True)

    opened(breaker)

    assert breaker.retry_seconds == module.OPEN_SECONDS


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 0.9), (1.0, 1.1)])
def test_a_fleet_does_not_come_back_in_step(clock, chance, seconds):
    breaker = Breaker(clock=clock, chance=lambda: chance)

    opened(breaker)

    assert breaker.retry_seconds == pytest.approx(seconds)


def test_what_began_before_a_change_says_nothing_afterwards(breaker, clock):
    late = [breaker.admit() for _ in range(3)]
    opened(breaker)
    clock.now += module.OPEN_SECONDS
    probe = breaker.admit()

    for era in late:
        breaker.succeeded(era)
        breaker.failed(era)
        breaker.told_nothing(era)

    assert breaker.state is State.HALF_OPEN
    breaker.succeeded(probe)
    assert breaker.state is State.HALF_OPEN


def test_a_probe_that_told_nothing_makes_room_for_another(breaker, clock):
    opened(breaker)
    clock.now += module.OPEN_SECONDS
    eras = [breaker.admit() for _ in range(module.PROBES)]
    assert breaker.admit() is None

    breaker.told_nothing(eras[0])

    assert breaker.admit() is not None
    assert breaker.admit() is None


def test_what_told_nothing_is_not_counted(breaker):
    for _ in range(100):
        breaker.told_nothing(breaker.admit())
    call(breaker, good=False)

    assert breaker.state is State.CLOSED


def test_a_probe_that_never_ends_does_not_keep_it_half_open_for_ever(breaker, clock):
    opened(breaker)
    clock.now += module.OPEN_SECONDS
    for _ in range(module.PROBES):
        breaker.admit()

    clock.now += module.OPEN_SECONDS_MAX

    assert breaker.admit() is not None


@pytest.mark.parametrize("began", [False, True], ids=["closed", "half open"])
def test_nothing_is_locked_while_a_call_is_under_way(breaker, clock, began):
    if began:
        opened(breaker)
        clock.now += module.OPEN_SECONDS
    together = threading.Barrier(module.PROBES)

    def work(_):
        era = breaker.admit()
        together.wait(10)  # broken when they would have to take turns
        breaker.succeeded(era)

    with ThreadPoolExecutor(module.PROBES) as pool:
        list(pool.map(work, range(module.PROBES)))

    assert breaker.state is State.CLOSED
