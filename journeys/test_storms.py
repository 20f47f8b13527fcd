"""B1, B3, B4, B5, B8: the last of a chain of three fails or is slow, and is not asked the more.

The first two are the stage, twice, or the stock stack, whose clients try three times, as tutorials
do. The last one is told what to do, and counts.
"""

from __future__ import annotations

import time
from contextlib import contextmanager

import leaf
import load
import pytest
import servers
from load import Call

RELAY = Call(path="/api/v1/relay/")
PER_SECOND = 40
BUDGET = 0.1
FLOOR = 10
"""Retries in ten seconds that a process may make when it calls rarely."""


@pytest.fixture
def last():
    with leaf.growing() as grown:
        yield grown


@contextmanager
def chain(start, scratch, last, **variables):
    """The first of three, which asks the second, which asks the last."""
    with (
        start(scratch, NEXT_SERVICE_URL=last.url, **variables) as second,
        start(scratch, NEXT_SERVICE_URL=second.url, **variables) as first,
    ):
        yield first


def asked(server, *, seconds, per_second=PER_SECOND, headers=None):
    call = Call(path=RELAY.path, headers={**RELAY.headers, **(headers or {})})
    return load.ask(server, call, per_second=per_second, seconds=seconds)


def amplified(server, last, *, seconds, settled=2):
    """How often the last one was asked for each request, after the first moments."""
    asked(server, seconds=settled)
    begin = time.monotonic()
    outcomes = asked(server, seconds=seconds)
    return last.asked_since(begin) / len(outcomes), outcomes


@pytest.mark.parametrize(
    "phase",
    [(8, 2, 1.2), pytest.param((30, 12, 1.1), marks=pytest.mark.slow)],
    ids=["the first ten seconds", "later"],
)
def test_b3_layers_that_retry_do_not_multiply_what_the_last_one_is_asked(
    scratch, last, figures, phase
):
    seconds, settled, most = phase
    with chain(servers.stage, scratch, last) as ours:
        asked(ours, seconds=2)
        last.fails = 0.5
        mine, outcomes = amplified(ours, last, seconds=seconds, settled=settled)
    last.fails = 0
    with chain(servers.stock, scratch, last) as control:
        asked(control, seconds=2)
        last.fails = 0.5
        theirs, served = amplified(control, last, seconds=6)

    figures.note(
        scenario="B3",
        what=f"asked of the last of three, half of whose answers fail, {seconds} s",
        ours=f"{mine:.2f}x",
        stock=f"{theirs:.2f}x",
        to_reach=f"≤ {most}x",
    )
    figures.note(
        scenario="B3",
        what="served meanwhile",
        ours=f"{load.share(outcomes) * 100:.0f} %",
        stock=f"{load.share(served) * 100:.0f} %",
        to_reach="told",
    )
    assert mine <= most
    assert {one.status for one in outcomes} <= {200, 502, 503}
    assert theirs > 1 + 3 * BUDGET, "the control is no control"


@pytest.mark.slow
def test_b4_a_service_that_is_out_is_asked_now_and_then(scratch, last, figures):
    seconds = 30
    last.fails = 1
    with chain(servers.stage, scratch, last) as ours:
        mine, outcomes = amplified(ours, last, seconds=seconds)
        last.fails = 0
        back_at = time.monotonic()
        while asked(ours, seconds=0.5)[-1].status != 200 and time.monotonic() < back_at + 60:
            pass
        back = time.monotonic() - back_at
    last.fails = 1
    with chain(servers.stock, scratch, last) as control:
        theirs, _ = amplified(control, last, seconds=6)

    figures.note(
        scenario="B4",
        what=f"asked of the last of three, all of whose answers fail, {seconds} s",
        ours=f"{mine:.2f}x",
        stock=f"{theirs:.2f}x",
        to_reach="≤ 1.1x",
    )
    figures.note(scenario="B4", what="served again after", ours=f"{back:.1f} s", to_reach="told")
    assert mine <= 1 + BUDGET
    assert {one.status for one in outcomes} <= {502, 503}
    assert load.percentile(outcomes, 50) < 0.1
    assert theirs > 2, "the control is no control"


def test_b1_a_slow_service_costs_its_callers_no_more_than_their_deadline(scratch, last, figures):
    hurried = {"headers": {"X-Request-Timeout-Ms": "500"}}
    with chain(servers.stage, scratch, last, TRUSTED_PROXIES="127.0.0.1/32") as ours:
        asked(ours, seconds=2, **hurried)
        last.seconds = 2.0
        slow = asked(ours, seconds=4, **hurried)
        fast = asked(ours, seconds=2, **hurried)
        last.seconds = 0.0
    last.seconds = 0.0
    with chain(servers.stock, scratch, last) as control:
        asked(control, seconds=1)
        last.seconds = 2.0
        theirs = asked(control, seconds=4)

    longest = load.percentile(slow, 99)
    figures.note(
        scenario="B1",
        what="p99 of callers who have 500 ms, the last of three takes 2 s",
        ours=f"{longest * 1000:.0f} ms",
        stock=f"{load.percentile(theirs, 99) * 1000:.0f} ms",
        to_reach="≤ 550 ms",
    )
    figures.note(
        scenario="B1",
        what="median once the breakers are open",
        ours=f"{load.percentile(fast, 50) * 1000:.0f} ms",
        stock="",
        to_reach="≤ 20 ms",
    )
    assert longest <= 0.55
    assert load.percentile(fast, 50) <= 0.02
    assert {one.status for one in (*slow, *fast)} <= {503, 504}
    assert load.percentile(theirs, 99) > 1, "the control is no control"


def test_b5_nobody_works_for_who_has_gone(scratch, last, figures):
    """300 ms for three hops: the last one is asked with what is left, or not at all."""
    last.seconds = 0.2
    with chain(servers.stage, scratch, last) as ours:
        outcomes = asked(ours, seconds=3, per_second=5, headers={"X-Request-Timeout-Ms": "300"})

    figures.note(
        scenario="B5",
        what="slowest answer to who has 300 ms",
        ours=f"{load.percentile(outcomes, 100) * 1000:.0f} ms",
        stock="",
        to_reach="≤ 320 ms",
    )
    assert load.percentile(outcomes, 100) <= 0.32
    assert load.share(outcomes) > 0.9


def test_b8_a_bad_replica_gets_hardly_any_calls_and_the_last_one_all(scratch, last, figures):
    """The stage is asked for one of two; the stock stack knows one address only."""
    with (
        leaf.growing() as other,
        servers.stage(scratch, NEXT_SERVICE_URL=f"{last.url},{other.url}") as ours,
    ):
        asked(ours, seconds=2)
        last.fails = 1
        begin = time.monotonic()
        outcomes = asked(ours, seconds=10, per_second=2 * PER_SECOND)
        bad, good = last.asked_since(begin), other.asked_since(begin)
        last.fails = 0
        asked(ours, seconds=12, per_second=10)
        begin = time.monotonic()
        asked(ours, seconds=2)
        back = last.asked_since(begin) / (last.asked_since(begin) + other.asked_since(begin))

    figures.note(
        scenario="B8",
        what="calls to the bad one of two replicas in ten seconds",
        ours=f"{bad / (bad + good) * 100:.1f} %",
        stock="",
        to_reach="< 5 %",
    )
    figures.note(
        scenario="B8",
        what="failures meanwhile",
        ours=f"{sum(not one.ok for one in outcomes)} of {len(outcomes)}",
        stock="",
        to_reach="0",
    )
    assert bad / (bad + good) < 0.05
    assert load.share(outcomes) == 1
    assert 0.3 < back < 0.7
