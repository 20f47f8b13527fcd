"""E1 to E6: events arrive once, whatever is killed, frozen or poisonous on their way."""

from __future__ import annotations

import math
import os
import shutil
import signal
import time

import psutil
import pytest
from brokers import BROKERS, Missing
from system import until
from tellers import tellers, valkey

THINGS, NUMBERS = 4, range(5)
FROZEN_SECONDS = 2
SOON_SECONDS = 60
BETWEEN = 0.05
MOST_CALLS = 400
PER_SECOND, AWAY_SECONDS = 40, 60

SLOW = pytest.mark.slow

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="install strace")


@pytest.fixture
def broker(tmp_path):
    with valkey(tmp_path / "valkey") as made:
        yield made


@pytest.fixture
def told(tmp_path, broker):
    with tellers(tmp_path, broker.url()) as made:
        yield made


@pytest.fixture(params=["valkey", *(pytest.param(name, marks=SLOW) for name in BROKERS)])
def carried(request, tmp_path):
    """The same with each of the brokers."""
    if request.param == "valkey":
        yield request.getfixturevalue("told")
        return
    try:
        with BROKERS[request.param](tmp_path / "broker") as url, tellers(tmp_path, url) as made:
            yield made
    except Missing as missing:
        pytest.skip(str(missing))


def things(batch):
    return [f"{batch}-{number}" for number in range(THINGS)]


def swept(told, work, *, done, every):
    """Let a process die at each of its calls, a batch for each, until it gets through alive.

    What each leaves behind is finished by another one, so that the next begins with its own batch.
    """
    at = 1
    while at < MOST_CALLS:
        told.tell(things(at), NUMBERS)
        pid = told.start(work, dies_at=at)
        while (code := told.ended(pid)) is None and not done():
            time.sleep(BETWEEN)
        if code is None:
            told.stop(pid)
            return at
        assert code == -signal.SIGKILL
        heir = told.start(work)
        until(done, seconds=SOON_SECONDS)
        told.stop(heir)
        at += every
    raise AssertionError(f"{work} makes more than {MOST_CALLS} calls for a batch")


def everything(told):
    """Whether each event that was published has been handled."""
    ((published,),) = told.asked("SELECT count(*) FROM quintet_events_outboxevent")
    ((handled,),) = told.asked("SELECT count(*) FROM quintet_events_inboxevent")
    return published == handled and not told.waiting()


def assert_once_and_in_order(told, batches):
    assert told.entries() == {thing: [*NUMBERS] for at in batches for thing in things(at)}


@pytest.mark.counted
@pytest.mark.parametrize("every", [10, pytest.param(1, marks=SLOW)])
def test_a_relay_may_die_at_any_call(carried, figures, every):
    consumer = carried.start("consumer")

    calls = swept(carried, "relay", done=lambda: not carried.waiting(), every=every)

    until(lambda: everything(carried), seconds=SOON_SECONDS)
    carried.stop(consumer)
    batches = range(1, calls + 1, every)
    assert_once_and_in_order(carried, batches)
    figures.note(
        scenario="E1",
        what=f"{carried.broker}: relay killed at each {every}. of {calls} calls: lost, doubled",
        ours="0, 0",
        to_reach="0, 0",
    )


@pytest.mark.counted
@pytest.mark.parametrize("every", [10, pytest.param(1, marks=SLOW)])
def test_a_consumer_may_die_at_any_call(carried, figures, every):
    relay = carried.start("relay")

    calls = swept(carried, "consumer", done=lambda: everything(carried), every=every)

    carried.stop(relay)
    batches = range(1, calls + 1, every)
    assert_once_and_in_order(carried, batches)
    figures.note(
        scenario="E2",
        what=f"{carried.broker}: consumer killed at each {every}. of {calls} calls: lost, doubled",
        ours="0, 0",
        to_reach="0, 0",
    )


@pytest.mark.parametrize("work", ["relay", "consumer"])
def test_who_was_frozen_and_wakes_up_doubles_nothing(told, work):
    """E5: its lease is lost to another meanwhile."""
    others = [told.start(name) for name in ("relay", "consumer")]
    frozen = told.start(work)
    told.tell(things(0), NUMBERS)
    until(lambda: everything(told), seconds=SOON_SECONDS)
    for batch in range(1, 3):
        told.tell(things(batch), NUMBERS)
        os.kill(frozen, signal.SIGSTOP)
        time.sleep(FROZEN_SECONDS)
        os.kill(frozen, signal.SIGCONT)
    until(lambda: everything(told), seconds=SOON_SECONDS)

    for pid in (*others, frozen):
        told.stop(pid)

    assert_once_and_in_order(told, range(3))


def test_a_broker_may_die_while_it_is_given_events(told, broker):
    """E4: what was confirmed is there when it comes back, and what was not is given again."""
    pids = [told.start(name) for name in ("relay", "consumer")]
    for batch in range(10):
        told.tell(things(batch), NUMBERS)
        if batch % 3 == 1:
            broker.process.kill()
            broker.process.wait()
            told.tell(things(batch + 100), NUMBERS)
            broker.start()

    until(lambda: everything(told), seconds=SOON_SECONDS)
    for pid in pids:
        told.stop(pid)

    assert_once_and_in_order(told, [*range(10), 101, 104, 107])


@SLOW
def test_a_broker_that_is_away_costs_nobody_anything_but_time(told, broker, figures):
    """E3."""
    relay, consumer = (told.start(name) for name in ("relay", "consumer"))
    calm = told.pace(things(0), per_second=PER_SECOND, seconds=AWAY_SECONDS // 2)
    broker.process.kill()
    broker.process.wait()

    working = psutil.Process(relay)
    before = sum(working.cpu_times()[:2])
    away = told.pace(things(1), per_second=PER_SECOND, seconds=AWAY_SECONDS)
    busy = (sum(working.cpu_times()[:2]) - before) / AWAY_SECONDS
    backlog = told.waiting()
    broker.start()
    began = time.monotonic()
    until(lambda: not told.waiting(), seconds=SOON_SECONDS)
    drained = backlog / (time.monotonic() - began)
    until(lambda: everything(told), seconds=SOON_SECONDS)
    for pid in (relay, consumer):
        told.stop(pid)

    slower = percentile(away, 99) / percentile(calm, 99)
    scenario = "E3"
    figures.note(
        scenario=scenario,
        what=f"p99 of commits while the broker is away for {AWAY_SECONDS} s",
        ours=f"{slower:.2f}x",
        to_reach="≤ 1.2x",
    )
    figures.note(
        scenario=scenario,
        what="the backlog is published, of the rate at which it came",
        ours=f"{drained / PER_SECOND:.0f}x",
        to_reach="≥ 5x",
    )
    figures.note(
        scenario=scenario,
        what="processor of the relay meanwhile",
        ours=f"{busy * 100:.1f} %",
        to_reach="< 5 %",
    )
    for batch, took in enumerate((calm, away)):
        assert all(
            told.entries()[thing] == [*range(len(took) // THINGS)] for thing in things(batch)
        )
    assert backlog == len(away)
    assert slower <= 1.2
    assert drained >= 5 * PER_SECOND
    assert busy < 0.05


def percentile(values, percent):
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(-1, id="kills the process"),
        pytest.param(-2, id="always fails", marks=SLOW),
    ],
)
def test_a_poisonous_event_is_a_dead_letter_and_holds_up_its_own_key_alone(told, harm):
    """E6."""
    relay = told.start("relay")
    told.tell(["poison"], [harm, 1])
    told.tell(things(0), NUMBERS)

    consumer = told.start("consumer")
    dead = "SELECT key FROM quintet_events_parkedevent WHERE next_attempt_at IS NULL"
    ends_at = time.monotonic() + 2 * SOON_SECONDS
    while not (told.asked(dead) and "poison" in told.entries()):
        if told.ended(consumer) is not None:
            consumer = told.start("consumer")
        assert time.monotonic() < ends_at
        time.sleep(BETWEEN)
    parked = "SELECT key FROM quintet_events_parkedevent WHERE next_attempt_at IS NOT NULL"
    until(lambda: not told.asked(parked), seconds=SOON_SECONDS)
    for pid in (relay, consumer):
        told.stop(pid)

    assert told.asked(dead) == [("poison",)]
    assert told.entries() == {"poison": [1], **{thing: [*NUMBERS] for thing in things(0)}}
