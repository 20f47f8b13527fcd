from __future__ import annotations

import re

import pytest

from quintet.database import tally
from quintet.database.tally import MOST_REPEATED, ComparingTally, Tally
from tests.database.asking import asked

ONE = 'SELECT "n" FROM "kept" WHERE "n" = %s'


def asking(counted, sql, times):
    for _ in range(times):
        counted.add(sql, 0.001)


def test_statements_and_their_time_are_added_up(database):
    with tally.counting(Tally()) as counted:
        asked(database, "SELECT 1")
        asked(database, "SELECT pg_sleep(0.01)")
    asked(database, "SELECT 2")

    assert counted.count == 2
    assert 0.01 <= counted.seconds < 5


def test_a_statement_that_fails_counts(database):
    with tally.counting(Tally()) as counted, pytest.raises(Exception, match="nothing"):
        asked(database, "SELECT nothing")

    assert counted.count == 1


@pytest.mark.parametrize(("times", "repeated"), [(MOST_REPEATED, 0), (MOST_REPEATED + 1, 1)])
def test_what_is_asked_again_and_again_is_found(times, repeated):
    counted = ComparingTally()

    asking(counted, ONE, times)

    assert len(counted.repeated()) == repeated


def test_what_is_found_says_what_how_often_and_where():
    counted = ComparingTally()
    asking(counted, ONE, 25)

    (found,) = counted.repeated()

    assert (found.shape, found.count) == (ONE, 25)
    assert re.fullmatch(r".*test_tally:\d+ in asking", found.place)


def test_values_in_the_text_do_not_hide_a_repetition():
    counted = ComparingTally()

    for number in range(20):
        counted.add(f"SELECT name FROM kept WHERE id = {number}", 0.001)  # noqa: S608 - what is tested

    assert [found.count for found in counted.repeated()] == [20]


@pytest.mark.parametrize("sql", ['SAVEPOINT "s1"', 'RELEASE SAVEPOINT "s1"', "", object()], ids=str)
def test_what_a_framework_says_is_no_repetition(sql):
    counted = ComparingTally()

    asking(counted, sql, 50)

    assert counted.repeated() == []
    assert counted.count == 50


def test_nothing_is_looked_for_unless_it_is_wanted():
    counted = Tally()

    asking(counted, ONE, 50)

    assert counted.repeated() == []


def test_text_that_is_run_is_no_place():
    found = eval("tally.place()", {"tally": tally, "__name__": "elsewhere"})  # noqa: S307 - a constant

    assert "test_tally" in found
