from __future__ import annotations

import pytest

from quintet.resilience.outage import Outage
from quintet.resilience.rates import LocalRateLimiter, Uncountable
from quintet.settings.rates import parse
from quintet.views.throttling import counting
from quintet.views.throttling.counting import OUTAGES, Counting, is_shared
from quintet.views.throttling.shared import SharedRateLimiter

TWICE = parse("2/hour")


class Unsteady(LocalRateLimiter):
    """A limiter that can be lost, and counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.lost, self.asked, self.undone = False, 0, 0

    def ask(self, caller, rates):
        self.asked += 1
        if self.lost:
            raise Uncountable("It went away.")
        return super().ask(caller, rates)

    def give_back(self, caller):
        self.undone += 1
        if self.lost:
            raise Uncountable("It went away.")
        super().give_back(caller)


class Case:
    """Two limiters, one after the other, and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.first = Unsteady()
        self.counting = Counting(
            self.first, LocalRateLimiter(), outage=Outage(retry_seconds=1, clock=lambda: self.now)
        )

    def ask(self, *, fail_closed=False):
        return self.counting.ask("caller", TWICE, fail_closed=fail_closed)


@pytest.fixture
def case():
    return Case()


def test_the_first_limiter_counts(case):
    assert [case.ask().granted for _ in range(3)] == [True, True, False]
    assert case.first.asked == 3


def test_the_second_one_counts_while_the_first_is_lost(case):
    case.first.lost = True

    assert [case.ask().granted for _ in range(3)] == [True, True, False]


def test_a_lost_limiter_is_asked_once_in_an_interval(case):
    case.first.lost = True
    asked = []
    for second in range(4):
        case.now = second
        for _ in range(5):
            case.ask()
        asked.append(case.first.asked)

    assert asked == [1, 2, 3, 4]


def test_the_first_one_goes_on_as_soon_as_it_is_back(case):
    case.ask()
    case.first.lost = True
    case.ask()
    case.first.lost, case.now = False, 1.0

    assert [case.ask().granted, case.ask().granted] == [True, False]


@pytest.mark.parametrize("lost", [False, True])
def test_a_request_is_given_back_where_it_was_counted(case, lost):
    case.first.lost = lost
    answers = []
    for _ in range(4):
        answers.append(case.ask().granted)
        case.counting.give_back("caller")
    answers += [case.ask().granted for _ in range(3)]

    assert answers == [True] * 6 + [False]


def test_a_lost_limiter_is_given_nothing_back_until_its_time_has_come(case):
    case.first.lost = True
    case.ask()
    for _ in range(5):
        case.counting.give_back("caller")
    case.now = 1.0
    case.counting.give_back("caller")

    assert case.first.undone == 1


def test_a_limiter_may_be_lost_before_it_is_given_something_back(case, captured_logs):
    case.ask()
    case.first.lost = True

    case.counting.give_back("caller")

    assert [line["level"] for line in captured_logs] == ["WARNING"]


def test_who_fails_closed_is_not_content_with_the_second_one(case):
    case.first.lost = True

    assert case.ask(fail_closed=True) is None
    assert case.ask(fail_closed=True) is None
    assert case.first.asked == 1


def test_who_fails_closed_is_let_in_again(case):
    case.first.lost = True
    case.ask(fail_closed=True)
    case.first.lost, case.now = False, 1.0

    assert case.ask(fail_closed=True).granted


def test_an_outage_is_counted_and_logged_when_it_begins_and_when_it_ends(case, captured_logs):
    counted = OUTAGES._value.get()
    case.first.lost = True
    for second in range(3):
        case.now = second
        case.ask()
    case.first.lost, case.now = False, 3.0
    case.ask()
    case.ask()

    assert [(line["level"], line["message"]) for line in captured_logs] == [
        ("WARNING", "rate limits hold in each process alone"),
        ("INFO", "rate limits hold across processes again"),
    ]
    assert captured_logs[0]["reason"] == "It went away."
    assert OUTAGES._value.get() == counted + 1


@pytest.mark.parametrize("url", ["", "locmemcache://", "dummycache://"])
def test_without_a_shared_cache_a_process_counts_alone(declare, url):
    declare(CACHE_URL=url)

    assert isinstance(counting.counting()._first, LocalRateLimiter)
    assert not is_shared()


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_with_one_it_counts_there(declare, scheme):
    declare(CACHE_URL=f"{scheme}://127.0.0.1:1/0")

    assert isinstance(counting.counting()._first, SharedRateLimiter)
    assert is_shared()


def test_a_process_counts_in_one_place():
    assert counting.counting() is counting.counting()


@pytest.mark.parametrize("place", ["alone", "shared"])
def test_everybody_can_be_forgotten(declare, request, place):
    declare(CACHE_URL="" if place == "alone" else request.getfixturevalue("store"))
    once = parse("1/hour")
    counting.counting().ask("caller", once, fail_closed=False)

    counting.forget()

    assert counting.counting().ask("caller", once, fail_closed=False).granted


def test_to_forget_asks_nobody_who_is_gone(declare):
    declare(CACHE_URL="redis://127.0.0.1:1/0")
    once, before = parse("1/hour"), counting.counting()
    before.ask("caller", once, fail_closed=False)

    counting.forget()

    assert counting.counting() is not before
    assert before.ask("caller", once, fail_closed=False).granted
