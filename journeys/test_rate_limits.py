"""C4: a rate holds across processes and replicas, whatever becomes of clocks and of the store."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path

import load
import pytest
import servers
from load import Call, Load
from system import until

from quintet.embedded.valkey import Valkey

HOUR = 3600
JUMPED = Path(__file__).with_name("jumped")
BRIEFLY = Call(path="/api/v1/sleep/5/")
SCENARIO = "C4"


@pytest.fixture
def store(scratch):
    """The store that replicas share, to be killed."""
    made = Valkey(scratch / "store", durable=False)
    made.start()
    yield made
    made.stop()


class Replicas:
    """Servers of one kind that share a store."""

    def __init__(self, kind, scratch, store):
        self.kind, self.scratch, self.store = kind, scratch, store
        self.stack = ExitStack()

    def start(self, rate, *, workers=1, jump=0):
        variables = {"CACHE_URL": self.store.url(), "RATE_LIMIT": rate, "WEB_WORKERS": str(workers)}
        if jump:
            variables |= {"PYTHONPATH": str(JUMPED), "CLOCK_JUMP_SECONDS": str(jump)}
        flags = ("--workers", str(workers)) if self.kind is servers.stock else ()
        return self.stack.enter_context(self.kind(self.scratch, *flags, **variables))


@contextmanager
def replicas(kind, scratch, store):
    made = Replicas(kind, scratch, store)
    with made.stack:
        yield made


KINDS = {"ours": servers.stage, "stock": servers.stock}


def hammered(addresses, *, per_second, seconds):
    """What became of requests that were sent to all addresses at the same time."""
    with ExitStack() as stack:
        made = [
            stack.enter_context(
                load.running(
                    Load(
                        address=address,
                        calls=[BRIEFLY],
                        per_second=per_second,
                        seconds=seconds,
                        timeout_seconds=5,
                        headers=("ratelimit", "retry-after"),
                    )
                )
            )
            for address in addresses
        ]
        return [outcome for one in made for outcome in one.outcomes()]


def statuses(outcomes):
    return Counter(outcome.status for outcome in outcomes)


def granted(scratch, store, rate, *, workers, per_second, seconds):
    """How many requests each kind answered, of two replicas."""
    found = {}
    for name, kind in KINDS.items():
        with replicas(kind, scratch, store) as made:
            addresses = [made.start(rate, workers=workers).address for _ in range(2)]
            outcomes = hammered(addresses, per_second=per_second, seconds=seconds)
        found[name] = statuses(outcomes)
        if name == "ours":
            assert set(found[name]) == {200, 429}
            assert_told_when(outcomes)
    return {name: counted[200] for name, counted in found.items()}


def assert_told_when(outcomes):
    """Every answer says how the caller stands, every refusal when to come back."""
    assert all(outcome.headers["ratelimit"].startswith('"default";r=') for outcome in outcomes)
    refused = [outcome for outcome in outcomes if outcome.status == 429]
    assert {0 < int(outcome.headers["retry-after"]) <= 60 for outcome in refused} == {True}


def test_four_processes_of_two_replicas_grant_what_they_are_to_grant(scratch, store, figures):
    found = granted(scratch, store, "100/minute", workers=2, per_second=75, seconds=3)

    figures.note(
        scenario=SCENARIO,
        what="granted of 100/minute, 4 processes",
        ours=str(found["ours"]),
        stock=str(found["stock"]),
        to_reach="98 to 102",
    )
    assert found["ours"] == 100


@pytest.mark.slow
def test_eight_processes_of_two_replicas_grant_it_minute_after_minute(scratch, store, figures):
    found = granted(scratch, store, "300/minute", workers=4, per_second=20, seconds=115)

    figures.note(
        scenario=SCENARIO,
        what="granted of 300/minute in two minutes, 8 processes",
        ours=str(found["ours"]),
        stock=str(found["stock"]),
        to_reach="588 to 612",
    )
    assert 588 <= found["ours"] <= 612


def test_replicas_whose_clocks_are_an_hour_apart_grant_no_more(scratch, store, figures):
    """One caller asks all of them, one after the other."""
    found = {}
    for name, kind in KINDS.items():
        with replicas(kind, scratch, store) as made:
            at_odds = [made.start("20/minute", jump=jump) for jump in (0, HOUR, -HOUR)]
            answers = [
                server.door().ask("GET", BRIEFLY.path).status
                for server in at_odds
                for _ in range(20)
            ]
        found[name] = Counter(answers)

    figures.note(
        scenario=SCENARIO,
        what="granted of 20/minute, clocks 1 h apart",
        ours=str(found["ours"][200]),
        stock=str(found["stock"][200]),
        to_reach="20",
    )
    assert found["ours"] == {200: 20, 429: 40}


def test_a_store_that_is_killed_costs_no_request(scratch, store, figures):
    found = {}
    for name, kind in KINDS.items():
        with replicas(kind, scratch, store) as made:
            server = made.start("100000/minute", workers=2)
            calm = Load(
                address=server.address,
                calls=[BRIEFLY],
                per_second=30,
                seconds=6,
                timeout_seconds=5,
            )
            with load.running(calm) as running:
                time.sleep(2)
                store.process.kill()
                store.process.wait()
                time.sleep(2)
                store.start()
                outcomes = running.outcomes()
            until(lambda server=server, kind=kind: _counts_again(server, kind))
        failed = sum(not outcome.ok for outcome in outcomes)
        found[name] = f"{failed} of {len(outcomes)}"

    figures.note(
        scenario=SCENARIO,
        what="failed while the store was dead for 2 s",
        ours=found["ours"],
        stock=found["stock"],
        to_reach="0",
    )
    assert found["ours"] == "0 of 180"


def _counts_again(server, kind):
    """All processes count in the store again: nobody begins anew."""
    if kind is servers.stock:
        return True
    left = [
        int(
            server.door().ask("GET", BRIEFLY.path).headers["ratelimit"].split("r=")[1].split(";")[0]
        )
        for _ in range(6)
    ]
    return left == list(range(left[0], left[0] - 6, -1))
