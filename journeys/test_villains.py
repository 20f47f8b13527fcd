"""B2, B9, B10: whoever is called does not answer, or answers what nobody can use, or too many call.

The stage relays each request to a villain; the stock stack does so with the time-out that it has,
five seconds for each read.
"""

from __future__ import annotations

from contextlib import contextmanager

import leaf
import load
import pytest
import servers
import villains
from load import Call
from system import until

pytestmark = pytest.mark.slow

RELAY = Call(path="/api/v1/relay/")
DEADLINE_SECONDS = 1.0
SLACK_SECONDS = 0.1
PER_SECOND = 10
MOST_MORE = 2
MOST_MEGABYTES = 40
GONE = {
    "black hole": villains.black_hole,
    "reset": villains.nobody,
    "no such name": villains.nameless,
    "silence": lambda: villains.serving(villains.silent),
}
USELESS = {
    "a body by the byte": villains.dripping,
    "a head without an end": villains.endless_head,
    "a gigabyte": villains.endless_body,
    "less than was promised": villains.cut_off,
    "a gzip bomb": villains.bomb,
}


def asked(server, *, seconds=3, per_second=PER_SECOND):
    return load.ask(server, RELAY, per_second=per_second, seconds=seconds, timeout_seconds=15)


@contextmanager
def relaying(scratch, url, **variables):
    given = {"REQUEST_TIMEOUT_SECONDS": str(DEADLINE_SECONDS), **variables}
    with servers.stage(scratch, NEXT_SERVICE_URL=url, **given) as server:
        yield server


class Held:
    """What the workers of a server hold."""

    def __init__(self, server):
        workers = server.workers()
        self.descriptors = sum(one.num_fds() for one in workers)
        self.threads = sum(one.num_threads() for one in workers)
        self.megabytes = sum(one.memory_info().rss for one in workers) / 1_000_000


def suffered(scratch, villain):
    """What callers of our service saw; in the end it holds as much as before, and is alive."""
    with villain() as url, relaying(scratch, url) as ours:
        asked(ours)  # what is opened once: threads, and the files of the metrics
        before = Held(ours)
        outcomes = asked(ours)
        until(lambda: Held(ours).descriptors <= before.descriptors + MOST_MORE)
        until(lambda: Held(ours).threads <= before.threads + MOST_MORE)
        assert Held(ours).megabytes <= before.megabytes + MOST_MEGABYTES
        assert ours.door().ask("GET", "/livez").status == 200
    return outcomes


def judge(figures, scratch, scenario, kind, villain):
    outcomes = suffered(scratch, villain)
    with villain() as url, servers.stock(scratch, NEXT_SERVICE_URL=url) as server:
        theirs = load.percentile(asked(server, seconds=1, per_second=4), 100)

    longest = load.percentile(outcomes, 100, of="served_seconds")
    figures.note(
        scenario=scenario,
        what=f"longest wait with a deadline of 1 s: {kind}",
        ours=f"{longest:.2f} s",
        stock=f"{theirs:.2f} s",
        to_reach=f"≤ {DEADLINE_SECONDS + SLACK_SECONDS:g} s",
    )
    assert longest <= DEADLINE_SECONDS + SLACK_SECONDS
    assert {one.status for one in outcomes} <= {502, 503, 504}


@pytest.mark.parametrize("kind", GONE)
def test_b2_whoever_is_not_there_costs_no_more_than_the_deadline(scratch, figures, kind):
    judge(figures, scratch, "B2", kind, GONE[kind])


@pytest.mark.parametrize("kind", USELESS)
def test_b9_an_answer_of_no_use_is_bounded_in_time_and_size(scratch, figures, kind):
    judge(figures, scratch, "B9", kind, lambda: villains.serving(USELESS[kind]))


def test_b10_more_callers_than_places_wait_for_a_bounded_time(scratch, figures):
    """200 callers a second for a service that can be asked by six at once, 200 ms each."""
    with leaf.growing() as last:
        last.seconds = 0.2
        given = {"MAX_IN_FLIGHT": "64", "CLIENT_SHARE": "1"}
        with relaying(scratch, last.url, **given) as ours:
            asked(ours, seconds=1)
            outcomes = asked(ours, per_second=200)
            last.seconds = 0.0
            after = asked(ours, seconds=2)

    longest = load.percentile(outcomes, 100, of="served_seconds")
    figures.note(
        scenario="B10",
        what="longest wait of 600 callers in 3 s for 6 places of 200 ms",
        ours=f"{longest:.2f} s",
        to_reach=f"≤ {DEADLINE_SECONDS + SLACK_SECONDS:g} s",
    )
    assert longest <= DEADLINE_SECONDS + SLACK_SECONDS
    assert {one.status for one in outcomes} <= {200, 503, 504}
    assert sum(one.ok for one in outcomes) >= 6 * 3 / 0.2 * 0.8
    assert load.share(after) == 1
