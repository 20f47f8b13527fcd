from __future__ import annotations

import threading
import time

import psycopg
import pytest
from django.db import DataError, OperationalError, connections, transaction

from quintet.database.retries import PAUSE_SECONDS, RETRIED, retrying
from quintet.errors import DeadlineException
from quintet.resilience import deadline
from tests.database.asking import asked


class Pauses(list):
    """Remembers how long it should have slept."""

    def __call__(self, seconds):
        self.append(seconds)


@pytest.fixture
def pauses():
    return Pauses()


@pytest.fixture
def counter(database):
    """A row that transactions count up."""
    asked(database, "DROP TABLE IF EXISTS counters")
    asked(database, "CREATE TABLE counters (id int PRIMARY KEY, n int)")
    asked(database, "INSERT INTO counters VALUES (1, 0), (2, 0)")
    yield database
    asked(database, "DROP TABLE counters")


def numbers(database):
    return [n for (n,) in asked(database, "SELECT n FROM counters ORDER BY id")]


def lost(database, state="40001"):
    """Fail as PostgreSQL says it when a transaction was lost, or for any other reason."""
    asked(database, f"DO $$ BEGIN RAISE SQLSTATE '{state}'; END $$")


def count_up(database, *, losing, pauses, attempts=3, state="40001"):
    """A function that loses so many times; it is called with the attempts it has had."""
    calls = []

    @retrying(attempts=attempts, using="kept", sleep=pauses)
    def count():
        calls.append(1)
        asked(database, "UPDATE counters SET n = n + 1 WHERE id = 1")
        if len(calls) <= losing:
            lost(database, state)
        return len(calls)

    return count


def retried(reason):
    return RETRIED.labels(reason)._value.get()


@pytest.mark.parametrize(
    ("state", "reason"), [("40001", "serialization_failure"), ("40P01", "deadlock")]
)
def test_a_lost_transaction_is_tried_again_and_done_once(counter, pauses, state, reason):
    before = retried(reason)

    assert count_up(counter, losing=2, pauses=pauses, state=state)() == 3

    assert numbers(counter) == [1, 0]
    assert retried(reason) == before + 2


def test_attempts_are_bounded_and_the_last_error_is_told(counter, pauses):
    with pytest.raises(OperationalError):
        count_up(counter, losing=9, pauses=pauses, attempts=3)()

    assert len(pauses) == 2
    assert numbers(counter) == [0, 0]


def test_the_pauses_are_drawn_below_a_bound_that_doubles(counter, pauses):
    count_up(counter, losing=4, pauses=pauses, attempts=5)()

    assert all(0 <= pause <= PAUSE_SECONDS * 2**n for n, pause in enumerate(pauses))
    assert len(set(pauses)) == 4


def test_what_is_no_lost_transaction_is_not_tried_again(counter, pauses):
    with pytest.raises(DataError):
        count_up(counter, losing=1, pauses=pauses, state="22012")()

    assert pauses == []
    assert numbers(counter) == [0, 0]


def test_nothing_is_tried_again_after_the_deadline(counter, pauses):
    count = count_up(counter, losing=9, pauses=lambda _: deadline.bind(time.monotonic()))

    with deadline.running(None), pytest.raises(DeadlineException, match="retry"):
        count()


def test_a_pause_is_no_longer_than_what_is_left(counter, pauses, monkeypatch):
    monkeypatch.setattr("quintet.database.retries.PAUSE_SECONDS", 10_000)

    with deadline.within(5):
        count_up(counter, losing=1, pauses=pauses)()

    assert pauses[0] <= 5


def test_what_fails_after_the_commit_is_not_done_again(counter, pauses):
    """A callback is told of the same kind of error, and the transaction is done."""

    @retrying(using="kept", sleep=pauses)
    def count():
        asked(counter, "UPDATE counters SET n = n + 1 WHERE id = 1")
        transaction.on_commit(lambda: lost(counter), "kept")

    with pytest.raises(OperationalError):
        count()

    assert numbers(counter) == [1, 0]


def test_a_retry_needs_a_transaction_of_its_own(counter, pauses):
    count = count_up(counter, losing=0, pauses=pauses)

    with transaction.atomic("kept"), pytest.raises(RuntimeError, match="move the call out"):
        count()

    assert numbers(counter) == [0, 0]


def test_a_test_that_is_a_transaction_itself_does_not_count(counter, pauses):
    outer = transaction.atomic("kept")
    outer._from_testcase = True

    with outer:
        assert count_up(counter, losing=1, pauses=pauses)() == 2


def test_a_function_that_is_never_called_is_a_mistake():
    with pytest.raises(ValueError, match="at least once"):
        retrying(attempts=0)


def test_two_that_wait_for_each_other_are_both_done(counter, postgres):
    """A real deadlock: each holds the row that the other one wants."""
    meet = threading.Barrier(2)
    met = set()

    @retrying(using="kept")
    def count(first, second):
        connection = connections["kept"]
        asked(connection, "UPDATE counters SET n = n + 1 WHERE id = %s", first)
        if first not in met:
            met.add(first)
            meet.wait(10)
        asked(connection, "UPDATE counters SET n = n + 1 WHERE id = %s", second)

    def other():
        connections["kept"] = counter.copy()
        count(2, 1)
        connections["kept"].close()
        del connections["kept"]

    before = retried("deadlock")
    thread = threading.Thread(target=other)
    thread.start()
    count(1, 2)
    thread.join()

    assert numbers(counter) == [2, 2]
    assert retried("deadlock") >= before + 1


def test_a_serialization_failure_at_the_commit_is_tried_again(counter, postgres):
    """Two that read what the other one writes cannot both have come first."""
    calls = []

    @retrying(using="kept")
    def copy_the_second():
        calls.append(1)
        asked(counter, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        ((n,),) = asked(counter, "SELECT n FROM counters WHERE id = 2")
        if len(calls) == 1:
            copy_the_first()
        asked(counter, "UPDATE counters SET n = %s WHERE id = 1", n + 1)

    def copy_the_first():
        with psycopg.connect(postgres.url()) as other:
            other.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
            n = other.execute("SELECT n FROM counters WHERE id = 1").fetchone()[0]
            other.execute("UPDATE counters SET n = %s WHERE id = 2", [n + 1])

    copy_the_second()

    assert len(calls) == 2
    assert numbers(counter) == [2, 1]
