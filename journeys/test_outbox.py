"""E7: an outbox with a million events that were published long ago."""

from __future__ import annotations

import time
from statistics import median

import psycopg
import pytest
from system import until
from tellers import tellers, valkey

MANY = 1_000_000
PER_SECOND, CALM_SECONDS = 40, 20
FOR_LONG_SECONDS = 300
THINGS = ("first", "second")

OLD = """
INSERT INTO quintet_events_outboxevent (event_id, topic, key, partition, body, published_at)
SELECT gen_random_uuid(), 'old', n %% 1000, n %% 8, repeat('x', 300), now() - interval '30 days'
FROM generate_series(1, %s) AS n
"""
AGED = "UPDATE quintet_events_outboxevent SET published_at = now() - interval '31 days'"
LEFT = "SELECT count(*) FROM quintet_events_outboxevent WHERE topic = 'old'"
SIZE = "SELECT pg_total_relation_size('quintet_events_outboxevent')"

pytestmark = pytest.mark.slow


@pytest.fixture
def told(tmp_path):
    with valkey(tmp_path / "valkey") as broker, tellers(tmp_path, broker.url()) as made:
        yield made


def fill(told):
    """Let a month pass, in which a million events were published."""
    with psycopg.connect(told.url, autocommit=True) as database:
        database.execute(AGED)
        database.execute(OLD, [MANY])


def size_of(told):
    """The table as it is when everybody has tidied up after himself, as a busy database does."""
    with psycopg.connect(told.url, autocommit=True) as database:
        database.execute("VACUUM quintet_events_outboxevent")
    ((size,),) = told.asked(SIZE)
    return size


def pruned(told):
    """How many seconds it takes until the old ones are gone."""
    began = time.monotonic()
    until(lambda: told.asked(LEFT) == [(0,)], seconds=FOR_LONG_SECONDS)
    return time.monotonic() - began


def test_a_million_old_events_go_while_new_ones_are_told(told, figures):
    fill(told)
    relay, consumer = told.start("relay"), told.start("consumer")
    busy = told.pace(THINGS[:1], per_second=PER_SECOND, seconds=CALM_SECONDS)
    pruned(told)
    first = size_of(told)
    calm = told.pace(THINGS[1:], per_second=PER_SECOND, seconds=CALM_SECONDS)
    until(lambda: not told.waiting())
    fill(told)
    took = pruned(told)
    second = size_of(told)
    until(lambda: not told.waiting() and len(told.entries().get("second", [])) == len(calm))
    for pid in (relay, consumer):
        told.stop(pid)

    figures.note(
        scenario="E7",
        what="median commit while a million old events are pruned, of a calm one",
        ours=f"{median(busy) / median(calm):.2f}x",
        to_reach="≤ 2x",
    )
    figures.note(
        scenario="E7",
        what="size of the table after a second million, of that after the first",
        ours=f"{second / first:.2f}x, pruned in {took:.0f} s",
        to_reach="≤ 1.1x",
    )
    assert told.entries() == {
        "first": [*range(len(busy))],
        "second": [*range(len(calm))],
    }
    assert second <= 1.1 * first
    assert median(busy) <= 2 * median(calm)
