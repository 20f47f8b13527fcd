from __future__ import annotations

from quintet.lifecycle.thresholds import Change, Threshold


def changes(threshold, *percents):
    return [threshold.look(percent) for percent in percents]


def test_what_stays_above_is_said_once_after_some_looks():
    threshold = Threshold(percent=80, looks=3)

    seen = changes(threshold, 81, 82, 80, 95, 99)

    assert seen == [Change.NONE, Change.NONE, Change.ABOVE, Change.NONE, Change.NONE]


def test_a_moment_above_is_not_believed():
    assert set(changes(Threshold(percent=80, looks=2), 99, 79, 99, 79)) == {Change.NONE}


def test_it_is_back_only_well_below_and_that_is_said_once():
    threshold = Threshold(percent=80, looks=1, back_percent=5)

    seen = changes(threshold, 80, 79, 75, 74.9, 74, 80)

    assert seen == [Change.ABOVE, *[Change.NONE] * 2, Change.BACK, Change.NONE, Change.ABOVE]
