from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from quintet.events import PARTITIONS
from quintet.events.leases import Leases
from quintet.events.models import Lease

pytestmark = pytest.mark.django_db

ALL = frozenset(range(PARTITIONS))


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def process(clock):
    return lambda kind="relay": Leases(kind, clock=clock)


@pytest.fixture
def after(clock):
    """Lets time pass for all, in the processes and in the database."""

    def pass_by(seconds):
        clock.now += seconds
        Lease.objects.update(ends_at=F("ends_at") - timedelta(seconds=seconds))

    return pass_by


def settled(after, *processes):
    """What each holds after a few looks."""
    for _ in range(4):
        for one in processes:
            one.keep()
        after(3)
    return [one.held for one in processes]


def test_a_process_that_is_alone_holds_everything(process):
    assert process().keep() == ALL


@pytest.mark.parametrize("number", [2, 3, 5])
def test_several_share_evenly_and_without_a_gap(process, after, number):
    held = settled(after, *(process() for _ in range(number)))

    assert sum(map(len, held)) == len(ALL)
    assert frozenset().union(*held) == ALL
    assert max(map(len, held)) == -(-PARTITIONS // number)


def test_two_kinds_of_work_have_nothing_to_do_with_one_another(process):
    assert process("relay").keep() == process("consumer").keep() == ALL


def test_a_process_that_is_killed_is_succeeded(process, after):
    dead, heir = process(), process()
    settled(after, dead, heir)

    for _ in range(5):
        after(3)
        heir.keep()

    assert heir.held == ALL


def test_a_process_that_was_frozen_finds_out_with_its_next_look(process, after):
    frozen, heir = process(), process()
    settled(after, frozen, heir)
    for _ in range(5):
        after(3)
        heir.keep()

    frozen.keep()

    assert frozen.held & heir.held == frozenset()


def test_a_process_that_ends_gives_everything_back(process, after):
    ending, heir = process(), process()
    settled(after, ending, heir)

    ending.release()
    after(3)

    assert heir.keep() == ALL
    assert ending.held == frozenset()


def test_the_database_is_not_asked_more_often_than_it_has_to_be(process, django_assert_num_queries):
    one = process()
    one.keep()

    with django_assert_num_queries(0):
        one.keep()


def test_processes_of_long_ago_are_forgotten(process, after):
    process().keep()
    after(7_200)

    process().keep()

    assert Lease.objects.filter(name__contains=":member:").count() == 1
    assert str(Lease.objects.first())
