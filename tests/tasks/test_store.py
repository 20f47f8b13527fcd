from __future__ import annotations

import time

import pytest

from quintet.tasks.calls import Call
from quintet.tasks.store import DUE_AT_ONCE, Store


@pytest.fixture
def kept(empty_valkey):
    made = Store(empty_valkey("store"), "project")
    yield made
    made.close()


def call(number=1):
    return Call(id=str(number), task="project.tasks.do", args=[number], kwargs={})


def test_a_task_is_due_when_its_moment_has_come(kept):
    now = time.time()
    kept.defer(call(1), due_at=now - 1)
    kept.defer(call(2), due_at=now + 60)

    assert len(kept.due()) == 1
    assert kept.waiting() == 2


def test_a_task_that_is_due_is_given_to_one_worker_alone(kept, empty_valkey):
    kept.defer(call(), due_at=0)

    assert (len(kept.due()), kept.due()) == (1, [])


def test_a_task_whose_worker_was_killed_before_it_was_sent_is_due_again(kept, monkeypatch):
    kept.defer(call(), due_at=0)
    monkeypatch.setattr("quintet.tasks.store.CLAIM_SECONDS", -1)
    first = kept.due()

    assert kept.due() == first
    kept.settle(first[0])
    assert kept.due() == []


def test_not_all_that_is_due_is_taken_at_once(kept):
    for number in range(DUE_AT_ONCE + 1):
        kept.defer(call(number), due_at=0)

    assert (len(kept.due()), len(kept.due())) == (DUE_AT_ONCE, 1)


def test_services_of_one_server_do_not_see_one_another(kept, empty_valkey):
    other = Store(empty_valkey("store"), "other")
    other.defer(call(), due_at=0)
    other.park(call(), reason="x")

    assert (kept.due(), list(kept.parked())) == ([], [])
    other.close()


def test_a_span_has_one_first(kept):
    asked = [kept.is_first_in("do", span, seconds=60) for span in (7, 7, 8, 7)]

    assert asked == [True, False, True, False]
