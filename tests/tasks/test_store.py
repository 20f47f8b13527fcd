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
    (first,), (second,) = kept.due(), kept.due()

    assert second.written == first.written
    kept.settle(second)
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


def test_a_task_that_was_put_off_again_before_it_was_settled_is_not_forgotten(kept):
    """A worker that does not know it is quicker than the one that has sent it."""
    kept.defer(call(), due_at=0)
    (due,) = kept.due()

    kept.defer(call(), due_at=time.time() + 60)
    kept.settle(due)

    assert kept.waiting() == 1


def test_a_span_belongs_to_whoever_asks_first_also_when_he_asks_again(kept, empty_valkey):
    other = Store(empty_valkey("store"), "project")

    asked = [one.takes("do", span, seconds=60) for one, span in [(kept, 7), (other, 7), (other, 8)]]

    assert asked == [True, False, True]
    assert kept.takes("do", 7, seconds=60)
    assert not kept.takes("do", 8, seconds=60)
    other.close()


def test_a_parked_task_that_is_tried_again_has_a_clean_record(kept):
    kept.park(call(), reason="It was begun 5 times and came to no end.")
    kept.delivered_again("1")

    kept.retry(next(kept.parked()))

    assert (list(kept.parked()), kept.waiting(), kept.delivered_again("1")) == ([], 1, 1)
