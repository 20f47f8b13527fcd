from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from quintet.resilience.budget import FLOOR, RetryBudget
from tests.resilience.simulation import Clock


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def budget(clock):
    return RetryBudget(clock=clock)


def spent(budget, *, tries):
    return sum(budget.withdraw() for _ in range(tries))


def test_who_calls_rarely_has_the_floor(budget):
    budget.deposit()

    assert spent(budget, tries=100) == FLOOR


def test_who_calls_often_has_a_tenth_and_not_the_floor_on_top(budget):
    for _ in range(1000):
        budget.deposit()

    assert spent(budget, tries=1000) == 100


def test_the_budget_is_of_the_last_seconds(budget, clock):
    assert spent(budget, tries=100) == FLOOR

    clock.now += 11

    assert spent(budget, tries=100) == FLOOR


def test_half_of_all_calls_failing_cost_a_tenth_more(budget, clock):
    made = 0
    for number in range(6000):
        clock.now += 0.01
        budget.deposit()
        made += 1
        if number % 2 and budget.withdraw():
            made += 1

    assert made <= 6000 * 1.1 + FLOOR


def test_threads_do_not_overdraw_it(budget):
    for _ in range(500):
        budget.deposit()

    with ThreadPoolExecutor(16) as pool:
        granted = sum(pool.map(lambda _: budget.withdraw(), range(400)))

    assert granted == 50
