from __future__ import annotations

import time

import pytest

from quintet.errors import DeadlineException
from quintet.resilience import deadline


@pytest.fixture(autouse=True)
def unbound():
    token = deadline.bind(None)
    yield
    deadline.unbind(token)


def test_without_a_deadline_there_is_time_for_everything():
    deadline.check("reading")

    assert deadline.remaining() is None


def test_a_stage_after_the_deadline_is_not_begun():
    token = deadline.bind(time.monotonic() - 1)

    with pytest.raises(DeadlineException, match="No time was left for the database"):
        deadline.check("database")

    deadline.unbind(token)


def test_a_block_narrows_the_deadline_and_gives_it_back():
    outer = time.monotonic() + 60
    token = deadline.bind(outer)

    with deadline.within(5) as inner:
        assert deadline.ends_at() == inner

    assert deadline.ends_at() == outer
    deadline.unbind(token)


def test_a_block_never_widens_the_deadline():
    outer = time.monotonic() + 1
    token = deadline.bind(outer)

    with deadline.within(60):
        assert deadline.ends_at() == outer

    deadline.unbind(token)


@pytest.mark.parametrize(("left", "bound"), [(None, 5), (60, 5), (1, 1), (-1, 0)])
def test_a_step_takes_no_longer_than_what_is_left(left, bound):
    with deadline.running(None if left is None else time.monotonic() + left):
        assert deadline.bounded(5) == pytest.approx(bound, abs=0.5)


def test_what_is_given_up_is_counted_by_its_stage():
    counted = deadline.EXCEEDED.labels("testing")._value
    before = counted.get()

    with deadline.running(time.monotonic()), pytest.raises(DeadlineException):
        deadline.check("testing")

    assert counted.get() == before + 1


@pytest.mark.parametrize(("left", "granted"), [(-1, 5), (60, 60)])
def test_a_block_may_be_granted_time_that_is_not_left(left, granted):
    with deadline.running(time.monotonic() + left):
        with deadline.granting(5):
            assert deadline.remaining() == pytest.approx(granted, abs=0.5)

        assert deadline.remaining() == pytest.approx(left, abs=0.5)


def test_without_a_deadline_nothing_has_to_be_granted():
    with deadline.granting(5):
        assert deadline.remaining() is None


@pytest.mark.parametrize(
    ("text", "seconds"), [("1500", 1.5), ("0", 0.0), ("999999999", 999999.999)]
)
def test_the_header_holds_milliseconds(text, seconds):
    assert deadline.from_header(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "1.5", "1e3", "٣", "9" * 10, " 1", "+1", "soon"])
def test_a_header_that_is_no_whole_number_says_nothing(text):
    assert deadline.from_header(text) is None


@pytest.mark.parametrize(("seconds", "text"), [(1.5009, "1500"), (0.0004, "0"), (-3.0, "0")])
def test_what_is_left_is_rounded_down(seconds, text):
    assert deadline.to_header(seconds) == text
