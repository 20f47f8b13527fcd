"""One at a time, and nobody twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from quintet.errors import UnavailableException
from quintet.telemetry.metrics import turns
from quintet.telemetry.metrics.turns import Turns


class Slow:
    """Something that takes until it is told to end."""

    def __init__(self):
        self.made = 0
        self.begun = threading.Event()
        self.may_end = threading.Event()

    def make(self):
        self.made += 1
        mine = self.made
        self.begun.set()
        self.may_end.wait(60)
        return mine


class Waiting:
    """A clock, and how many have asked it: whoever asks for a turn looks at it first."""

    def __init__(self):
        self.asked = 0

    def __call__(self):
        self.asked += 1
        return self.asked

    def until(self, number):
        while self.asked < number:
            pass


def test_who_comes_after_the_end_gets_a_new_one():
    taking, made = Turns(), iter([1, 2])

    assert [taking.take("text", lambda: next(made)) for _ in range(2)] == [1, 2]


def test_all_who_come_while_one_is_made_share_the_next():
    clock, slow = Waiting(), Slow()
    taking = Turns(clock)

    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(taking.take, "text", slow.make)
        slow.begun.wait(60)
        others = [pool.submit(taking.take, "text", slow.make) for _ in range(8)]
        clock.until(2 + 8)
        slow.may_end.set()

    assert first.result() == 1
    assert {other.result() for other in others} == {2}
    assert slow.made == 2


def test_what_was_begun_before_somebody_came_is_not_fresh_for_them():
    clock, slow = Waiting(), Slow()
    taking = Turns(clock)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(taking.take, "text", slow.make)
        slow.begun.wait(60)
        late = pool.submit(taking.take, "text", slow.make)
        clock.until(3)
        slow.may_end.set()

    assert (first.result(), late.result()) == (1, 2)


def test_another_kind_is_not_shared():
    clock, slow = Waiting(), Slow()
    taking = Turns(clock)

    with ThreadPoolExecutor(3) as pool:
        pool.submit(taking.take, "text", slow.make)
        slow.begun.wait(60)
        others = [pool.submit(taking.take, kind, slow.make) for kind in ("text", "modern")]
        clock.until(4)
        slow.may_end.set()

    assert {other.result() for other in others} == {2, 3}


def test_a_failure_is_for_its_own_caller_and_the_next_one_tries_again():
    taking = Turns()

    with pytest.raises(ZeroDivisionError):
        taking.take("text", lambda: 1 / 0)

    assert taking.take("text", lambda: 7) == 7


def test_nobody_waits_for_ever(monkeypatch):
    monkeypatch.setattr(turns, "WAIT_SECONDS", 0.01)
    slow, taking = Slow(), Turns()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(taking.take, "text", slow.make)
        slow.begun.wait(60)
        with pytest.raises(UnavailableException):
            taking.take("text", slow.make)
        slow.may_end.set()
