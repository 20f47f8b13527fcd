from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from django.db import transaction

from quintet.events import PARTITIONS, outbox
from quintet.events.models import OutboxEvent
from tests.events.happenings import Placed
from tests.house.source import ROOT

ALL = range(PARTITIONS)


def orders(found):
    return [json.loads(message.body)["data"]["order_id"] for _, message in found]


@pytest.mark.django_db(transaction=True)
def test_an_event_is_written_in_a_transaction_or_not_at_all():
    """The naive version publishes what may never come true."""
    with pytest.raises(RuntimeError, match=r"outside of a transaction.*transaction\.atomic"):
        outbox.publish(Placed(order_id=1))

    assert not OutboxEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_is_not_published():
    with transaction.atomic():
        outbox.publish(Placed(order_id=1))
        transaction.set_rollback(True)

    assert outbox.waiting(ALL, limit=10) == []


@pytest.mark.django_db
def test_what_is_written_waits_with_its_place(place):
    event_id = place(7)

    ((_, message),) = outbox.waiting(ALL, limit=10)

    assert message[:4] == (event_id, "shop", outbox.partition_of("7"), "7")
    assert str(OutboxEvent.objects.get()) == f"shop {event_id}"


@pytest.mark.django_db
def test_events_wait_in_the_order_in_which_they_were_written(place):
    for number in range(20):
        place(number)

    assert orders(outbox.waiting(ALL, limit=10)) == list(range(10))


@pytest.mark.django_db
def test_only_the_partitions_that_were_asked_for_are_taken(place):
    for number in range(20):
        place(number)

    found = [outbox.waiting([one], limit=100) for one in ALL]

    assert sorted(number for one in found for number in orders(one)) == list(range(20))
    assert outbox.waiting([], limit=10) == []


@pytest.mark.django_db
def test_what_is_confirmed_does_not_wait(place):
    place(1)
    place(2)
    (number, _), _ = outbox.waiting(ALL, limit=10)

    outbox.confirmed([number])

    assert orders(outbox.waiting(ALL, limit=10)) == [2]


@pytest.mark.django_db
def test_the_age_of_the_oldest_event_is_told(place):
    assert outbox.oldest_seconds() == 0
    place()

    assert 0 <= outbox.oldest_seconds() < 60


@pytest.mark.django_db
def test_old_events_are_deleted_a_few_at_a_time(place):
    for number in range(5):
        place(number)
    outbox.confirmed([number for number, _ in outbox.waiting(ALL, limit=4)])

    assert outbox.pruned(older_than_seconds=60, limit=3) == 0
    deleted = [outbox.pruned(older_than_seconds=-1, limit=3) for _ in range(3)]

    assert deleted == [3, 1, 0]
    assert orders(outbox.waiting(ALL, limit=10)) == [4]


def test_a_key_is_in_the_same_partition_in_every_process():
    """The naive version takes hash(), which is another one in each."""
    program = "from quintet.events import outbox; print([*map(outbox.partition_of, 'abcdefgh')])"
    said = {
        subprocess.run(
            [sys.executable, "-c", f"import django; django.setup(); {program}"],
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "tests.project.settings",
                "PYTHONHASHSEED": seed,
            },
            cwd=ROOT,
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert said == {f"{[*map(outbox.partition_of, 'abcdefgh')]}\n".encode()}
