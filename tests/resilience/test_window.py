from __future__ import annotations

import random

import pytest

from quintet.resilience.window import SLICES, Window


def test_what_happened_is_counted():
    window = Window(10)

    window.add(100)
    window.add(100.5, bad=True)

    assert (window.all, window.bad) == (2, 1)


@pytest.mark.parametrize(("seconds", "kept"), [(8.9, 1), (11, 0), (1000, 0)])
def test_what_is_long_ago_is_forgotten(seconds, kept):
    window = Window(10)
    window.add(100, bad=True)

    window.move(100 + seconds)

    assert (window.all, window.bad) == (kept, kept)


def test_a_clock_that_stands_or_steps_back_changes_nothing():
    window = Window(10)
    window.add(100)

    window.move(100)
    window.move(50)
    window.add(50)

    assert window.all == 2


@pytest.mark.parametrize("seed", range(20))
def test_no_more_is_forgotten_than_the_oldest_slice(seed):
    """Against a list of all that happened."""
    chance, window, happened, now = random.Random(seed), Window(10), [], 1000.0  # noqa: S311 - a simulation

    for _ in range(300):
        now += chance.choice([0, 0.1, 0.7, 3, 12]) * chance.random()
        window.add(now)
        happened.append(now)
        least = sum(one > now - 10 + 10 / SLICES for one in happened)
        most = sum(one > now - 10 for one in happened)
        assert least <= window.all <= most
