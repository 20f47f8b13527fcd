from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quintet.resilience.rates import LocalRateLimiter, Standing, Uncountable
from quintet.settings.rates import parse
from quintet.views.throttling import shared
from quintet.views.throttling.shared import SharedRateLimiter

HOUR = 3600
ONE_SECOND = parse("4/second")
BOTH = parse("3/4 seconds; 20/64 seconds")


@pytest.fixture
def limiter(store):
    return SharedRateLimiter(store, prefix="shop:rate")


@pytest.fixture
def client(store):
    with redis.Redis.from_url(store) as made:
        yield made


def test_a_caller_is_granted_the_amount_and_not_one_more(limiter):
    hour = parse("10/hour")

    answers = [limiter.ask("caller", hour).granted for _ in range(12)]

    assert answers == [True] * 10 + [False] * 2


def test_callers_do_not_share(limiter):
    once = parse("1/hour")
    limiter.ask("one", once)

    assert limiter.ask("other", once).granted


def test_services_do_not_share(store):
    once = parse("1/hour")
    SharedRateLimiter(store, prefix="shop:rate").ask("caller", once)

    assert SharedRateLimiter(store, prefix="bank:rate").ask("caller", once).granted


def test_replicas_of_a_service_do_share(store):
    once = parse("1/hour")
    SharedRateLimiter(store, prefix="shop:rate").ask("caller", once)

    assert not SharedRateLimiter(store, prefix="shop:rate").ask("caller", once).granted


def test_the_figures_come_with_the_answer_in_one_round_trip(limiter, client):
    limiter.ask("caller", BOTH)
    before = client.info("commandstats")

    standings = limiter.ask("caller", BOTH).standings

    after = client.info("commandstats")
    calls = {name: after[name]["calls"] - before.get(name, {}).get("calls", 0) for name in after}
    from_a_script = {"cmdstat_get", "cmdstat_set", "cmdstat_time"}
    sent = {name: count for name, count in calls.items() if count and name not in from_a_script}
    assert sent == {"cmdstat_evalsha": 1, "cmdstat_info": 1}
    assert [standing.left for standing in standings] == [1, 18]
    assert 0 < standings[0].seconds <= 4 < standings[1].seconds <= 64


def test_what_was_granted_is_forgotten_by_the_server_itself(limiter, client):
    limiter.ask("caller", BOTH)

    (key,) = client.keys()
    assert key == b"shop:rate:caller"
    assert 63_000 < client.pttl(key) <= 64_000


def test_what_is_given_back_is_granted_to_the_next(limiter):
    once = parse("1/hour")
    answers = []
    for _ in range(3):
        answers.append(limiter.ask("caller", once).granted)
        limiter.give_back("caller")
    answers += [limiter.ask("caller", once).granted for _ in range(2)]

    assert answers == [True, True, True, True, False]


def test_to_give_back_prolongs_nothing_and_makes_nothing_up(limiter, client):
    limiter.ask("caller", parse("5/hour"))
    client.pexpire("shop:rate:caller", 1000)

    limiter.give_back("caller")
    limiter.give_back("nobody")

    assert client.keys() == [b"shop:rate:caller"]
    assert 0 < client.pttl("shop:rate:caller") <= 1000


def test_nobody_gives_back_to_a_server_that_is_gone():
    with pytest.raises(Uncountable):
        SharedRateLimiter("redis://127.0.0.1:1/0", prefix="shop:rate").give_back("caller")


def test_a_refused_request_writes_nothing(limiter, client):
    limiter.ask("caller", parse("1/hour"))
    written = client.get("shop:rate:caller")

    limiter.ask("caller", parse("1/hour"))

    assert client.get("shop:rate:caller") == written


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from([0, 1, 40, 1000, 1500, 4000, 9000, 70_000]), st.booleans()),
        max_size=60,
    )
)
def test_the_scripts_decide_as_the_limiter_of_one_process_does(client, steps):
    """On one and the same clock, which stands in the database for this test."""
    client.flushdb()
    told = shared._WINDOW.text.replace(
        "redis.call('TIME')", "redis.call('HMGET', 'clock', 's', 'us')"
    )
    assert told != shared._WINDOW.text
    script, now = client.register_script(told), 1_700_000_000_000
    local = LocalRateLimiter(clock=lambda: now / 1000)

    undo = client.register_script(shared._GIVEN_BACK.text)

    for gap, given_back in steps:
        now += gap
        client.hset("clock", mapping={"s": now // 1000, "us": now % 1000 * 1000})
        granted, *figures = script(["caller"], [64, 3, 4000, 20, 64_000])
        expected = local.ask("caller", BOTH)

        assert bool(granted) == expected.granted
        assert figures[::2] == [standing.left for standing in expected.standings]
        assert figures[1::2] == [round(it.seconds * 1000) for it in expected.standings]
        if given_back:
            undo(["caller"])
            local.give_back("caller")


@pytest.mark.parametrize(("jump", "granted"), [(-HOUR, 0), (HOUR, 1)])
def test_a_clock_of_the_server_that_is_put_back_locks_nobody_out(client, jump, granted):
    """Put forward it opens once, as time that has passed would."""
    told = shared._WINDOW.text.replace(
        "redis.call('TIME')", "redis.call('HMGET', 'clock', 's', 'us')"
    )
    script, rate = client.register_script(told), [64, 1, 60_000]
    client.hset("clock", mapping={"s": 1_700_000_000, "us": 0})
    script(["caller"], rate)

    client.hset("clock", mapping={"s": 1_700_000_000 + jump, "us": 0})

    assert script(["caller"], rate) == [granted, 0, 60_000]


def test_four_processes_together_are_granted_the_amount(store, crowd):
    assert sum(crowd.hammer(store, "100/hour")) == 100


def test_read_modify_write_would_grant_more(store, crowd):
    assert sum(crowd.hammer(store, "100/hour", limiter="naive")) > 102


def test_processes_whose_clocks_have_jumped_are_granted_no_more_and_no_less(store, crowd):
    jumps = (0, HOUR, -HOUR, 10 * 365 * 24 * HOUR)

    assert sum(crowd.hammer(store, "100/hour", jumps=jumps)) == 100
    assert sum(crowd.hammer(store, "100/hour", jumps=jumps)) == 0


@pytest.mark.parametrize("jumps", [(0, 0, 0, 0), (0, HOUR, -HOUR, 0)], ids=["right", "jumped"])
def test_over_several_windows_four_processes_are_granted_the_rate(store, crowd, jumps):
    windows = 4

    granted = sum(crowd.hammer(store, "100/second", seconds=windows - 0.2, jumps=jumps))

    assert 100 * windows * 0.98 <= granted <= 100 * windows


@contextmanager
def frozen(server):
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


def test_a_server_that_is_gone_is_uncountable_at_once(server):
    limiter = SharedRateLimiter(server.url(), prefix="shop:rate")
    limiter.ask("caller", ONE_SECOND)
    server.stop()

    with pytest.raises(Uncountable):
        limiter.ask("caller", ONE_SECOND)


def test_a_server_that_came_back_counts_without_a_failed_request(server):
    limiter = SharedRateLimiter(server.url(), prefix="shop:rate")
    limiter.ask("caller", ONE_SECOND)
    server.stop()
    server.start()

    verdict = limiter.ask("caller", ONE_SECOND)

    assert verdict == (True, [Standing(3, 1.0)])


def test_a_frozen_server_is_waited_for_briefly_and_once(server):
    limiter = SharedRateLimiter(server.url(), prefix="shop:rate")
    limiter.ask("caller", ONE_SECOND)

    began = time.monotonic()
    with frozen(server), pytest.raises(Uncountable):
        limiter.ask("caller", ONE_SECOND)

    assert time.monotonic() - began < 3 * shared.ANSWER_SECONDS


def test_a_server_that_refuses_to_write_is_uncountable(limiter, client):
    client.hset("shop:rate:caller", "of", "another kind")

    with pytest.raises(Uncountable, match="WRONGTYPE"):
        limiter.ask("caller", ONE_SECOND)
