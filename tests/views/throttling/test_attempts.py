from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from quintet.errors import RateLimitException, UnavailableException
from quintet.views.throttling import RateLimit, attempt
from quintet.views.throttling.callers import key_of_subject
from quintet.views.throttling.judging import LIMITED

LIMIT = RateLimit("guess", "3/minute; 5/hour")
ADDRESS = "john@example.com"


@pytest.fixture(params=["alone", "shared"])
def place(request, declare):
    """Where attempts are counted."""
    url = "" if request.param == "alone" else request.getfixturevalue("store")
    declare(CACHE_URL=url)
    return url


class WrongGuess(Exception):
    pass


def miss():
    raise WrongGuess


def guess(subject=ADDRESS, *, right=False, limit=LIMIT):
    """What becomes of one attempt."""
    try:
        with attempt(limit, subject):
            if not right:
                miss()
    except WrongGuess:
        return "wrong"
    except RateLimitException:
        return "refused"
    return "right"


def test_wrong_guesses_are_limited_for_whoever_guesses_next_even_right(place):
    assert [guess() for _ in range(4)] == ["wrong"] * 3 + ["refused"]
    assert guess(right=True) == "refused"


def test_what_others_guess_at_is_not_limited(place):
    for _ in range(4):
        guess()

    assert guess("mary@example.com", right=True) == "right"


def test_who_succeeds_is_never_limited(place):
    assert [guess(right=True) for _ in range(10)] == ["right"] * 10
    assert [guess() for _ in range(4)] == ["wrong"] * 3 + ["refused"]


def test_a_success_does_not_wash_off_the_failures_of_others(place):
    answers = [guess(right=right) for right in (False, False, True, False, True)]

    assert answers == ["wrong", "wrong", "right", "wrong", "refused"]


def test_a_refusal_says_when_to_come_back(place):
    for _ in range(3):
        guess()

    with pytest.raises(RateLimitException) as raised, attempt(LIMIT, ADDRESS):
        pass

    assert raised.value.message == "Too many requests: the limit is 3/minute."
    assert 0 < raised.value.retry_after_seconds <= 60


def test_a_refusal_is_counted_by_policy(place):
    before = LIMITED.child("guess-minute")._value.get()

    for _ in range(5):
        guess()

    assert LIMITED.child("guess-minute")._value.get() == before + 2


def test_a_crowd_that_guesses_together_guesses_no_more_often(place):
    barrier = threading.Barrier(16)
    tried = []

    def together(_):
        barrier.wait()
        try:
            with attempt(LIMIT, ADDRESS):
                tried.append(1)
                miss()
        except (WrongGuess, RateLimitException):
            pass

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(together, range(16)))

    assert len(tried) == 3


def test_the_store_does_not_hold_what_is_guessed_at(declare, store):
    declare(CACHE_URL=store)
    guess()

    with redis.Redis.from_url(store) as client:
        (key,) = client.keys()
        assert ADDRESS.encode() not in key + client.get(key)


def test_who_reads_the_store_cannot_find_out_by_trying_names(settings):
    ours = key_of_subject(ADDRESS, "guess\n")
    settings.SECRET_KEY = "the guess of somebody who reads the store"

    assert key_of_subject(ADDRESS, "guess\n") != ours


def test_without_rates_nothing_is_counted(place):
    free = RateLimit("free")

    assert [guess(limit=free) for _ in range(20)] == ["wrong"] * 20
    assert guess(limit=free, right=True) == "right"


def test_while_the_store_is_lost_a_process_counts_alone(declare):
    declare(CACHE_URL="redis://127.0.0.1:1/0")

    assert [guess() for _ in range(4)] == ["wrong"] * 3 + ["refused"]


def test_who_fails_closed_lets_nobody_guess_meanwhile(declare):
    declare(CACHE_URL="redis://127.0.0.1:1/0")

    with pytest.raises(UnavailableException):
        guess(limit=RateLimit("guess", "3/minute", fail_closed=True))
