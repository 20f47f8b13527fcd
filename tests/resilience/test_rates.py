from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quintet.resilience import rates
from quintet.resilience.rates import PARTS, LocalRateLimiter, Standing
from quintet.settings.rates import parse

MINUTE = parse("10/minute")


class Clock:
    """Time that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Seam:
    """The counter of the tutorials: as many as allowed between two strokes of the clock."""

    def __init__(self, clock) -> None:
        self.clock, self.counts = clock, {}

    def ask(self, caller, asked):
        (rate,) = asked
        window = int(self.clock() / rate.seconds)
        self.counts[window] = self.counts.get(window, 0) + 1
        return rates.Verdict(self.counts[window] <= rate.amount, [])


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def limiter(clock):
    return LocalRateLimiter(clock=clock)


def granted_at(limiter, clock, gaps, asked):
    """Ask after each gap, and return when it was granted."""
    times = []
    for gap in gaps:
        clock.now += gap
        if limiter.ask("caller", asked).granted:
            times.append(clock.now)
    return times


def fullest(times, seconds):
    """The most that any window of so many seconds holds."""
    return max((sum(at <= then < at + seconds for then in times) for at in times), default=0)


def test_a_caller_is_granted_the_amount_and_not_one_more(limiter):
    answers = [limiter.ask("caller", MINUTE).granted for _ in range(12)]

    assert answers == [True] * 10 + [False] * 2


def test_what_is_given_back_is_granted_to_the_next(limiter):
    for _ in range(9):
        limiter.ask("caller", MINUTE)
    limiter.ask("caller", MINUTE)
    limiter.give_back("caller")

    assert [limiter.ask("caller", MINUTE).granted for _ in range(2)] == [True, False]


def test_what_was_forgotten_is_not_given_back(limiter, clock):
    limiter.ask("caller", MINUTE)
    clock.now += 61
    limiter.give_back("caller")
    limiter.give_back("caller")
    limiter.give_back("nobody")

    answers = [limiter.ask("caller", MINUTE).granted for _ in range(11)]

    assert answers == [True] * 10 + [False]


def test_callers_do_not_share(limiter):
    for _ in range(10):
        limiter.ask("one", MINUTE)

    assert limiter.ask("other", MINUTE).granted


@given(gaps=st.lists(st.floats(0, 30), max_size=150), amount=st.integers(1, 20))
def test_no_window_ever_holds_more_than_the_amount(gaps, amount):
    clock = Clock()

    times = granted_at(LocalRateLimiter(clock=clock), clock, gaps, parse(f"{amount}/minute"))

    assert fullest(times, 60) <= amount


def test_requests_of_one_part_are_forgotten_with_the_last_of_them(limiter, clock):
    part = 64 / PARTS
    asked = parse("2/64 seconds")
    times = granted_at(limiter, clock, [0, part * 0.9], asked)

    clock.now = times[0] + 64

    assert clock.now % part == 0  # both stand in one line
    assert limiter.ask("caller", asked).standings == [Standing(0, pytest.approx(part * 0.9))]


def test_a_counter_per_window_would_let_twice_as_many_through_at_the_seam(clock):
    asked = [59.0 - clock.now % 60, *[0] * 9, 2.0, *[0] * 9]

    assert fullest(granted_at(Seam(clock), clock, list(asked), MINUTE), 60) == 20
    clock.now = 1000.0
    assert fullest(granted_at(LocalRateLimiter(clock=clock), clock, list(asked), MINUTE), 60) == 10


@pytest.mark.parametrize("gap", [0.01, 0.05, 0.0999, 0.7])
def test_a_caller_who_never_stops_asking_gets_all_but_one_part_of_the_amount(limiter, clock, gap):
    windows = 20

    times = granted_at(limiter, clock, [gap] * int(windows * 60 / gap), parse("600/minute"))

    most = min(600, 60 / gap)
    assert most * windows * PARTS / (PARTS + 1) - 1 <= len(times) <= 600 * windows


def test_a_refused_request_does_not_count(limiter, clock):
    granted_at(limiter, clock, [0] * 10 + [1] * 59, MINUTE)

    clock.now += 1

    assert limiter.ask("caller", MINUTE).granted


def test_the_figures_say_what_is_left_and_until_when(limiter, clock):
    assert limiter.ask("caller", MINUTE).standings == [Standing(9, 60.0)]
    clock.now += 20
    assert limiter.ask("caller", MINUTE).standings == [Standing(8, 40.0)]


@given(gaps=st.lists(st.floats(0, 5), min_size=1, max_size=60))
def test_whoever_waits_as_long_as_it_is_told_is_granted_a_request(gaps):
    clock = Clock()
    limiter = LocalRateLimiter(clock=clock)
    asked = parse("3/10 seconds; 9/minute")
    granted_at(limiter, clock, gaps, asked)

    verdict = limiter.ask("caller", asked)
    while not verdict.granted:
        assert verdict.retry_seconds > 0
        clock.now += verdict.retry_seconds + 1e-6
        verdict = limiter.ask("caller", asked)


def test_what_one_rate_refuses_is_not_counted_by_another(limiter, clock):
    both = parse("2/second; 5/minute")
    for _ in range(4):
        verdict = limiter.ask("caller", both)

    assert not verdict.granted
    assert verdict.standings == [Standing(0, 1.0), Standing(3, 60.0)]
    assert verdict.retry_seconds == 1.0


def test_a_log_is_never_longer_than_the_parts_of_its_window(limiter, clock):
    granted_at(limiter, clock, [0.01] * 20_000, parse("1000000/minute"))

    (log,) = limiter._logs["caller"]
    assert len(log._lines) / 2 <= PARTS + 1


def test_only_so_many_callers_are_remembered_and_the_most_recent_ones(clock):
    limiter = LocalRateLimiter(clock=clock, most_callers=3)
    once = parse("1/minute")

    for caller in ("first", "second", "third", "first", "fourth"):
        limiter.ask(caller, once)

    assert len(limiter._logs) == 3
    assert not limiter.ask("first", once).granted
    assert limiter.ask("second", once).granted


@pytest.fixture
def interrupted(monkeypatch):
    """Threads take turns between looking at a log and writing to it."""
    add = rates._Log.add

    def add_later(log, now):
        time.sleep(0.001)
        add(log, now)

    monkeypatch.setattr(rates._Log, "add", add_later)


def test_threads_together_are_granted_the_amount(limiter, interrupted):
    asked, start = parse("20/minute"), Barrier(8)

    def hammer(_):
        start.wait()
        return sum(limiter.ask("caller", asked).granted for _ in range(10))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(hammer, range(8))) == 20


def test_the_clock_is_one_that_nobody_can_set(monkeypatch):
    limiter = LocalRateLimiter()
    for _ in range(10):
        limiter.ask("caller", MINUTE)

    monkeypatch.setattr("time.time", lambda: 1e10)

    assert not limiter.ask("caller", MINUTE).granted
