from __future__ import annotations

import threading

import pytest

from quintet.lifecycle import at_stop, ending, grace_seconds, tidy_up


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch):
    monkeypatch.setattr(ending, "_tidying", [])


def test_what_was_registered_last_is_put_down_first_and_once():
    done = []
    at_stop(lambda _: done.append("pool"))
    at_stop(lambda _: done.append("spans"))

    assert tidy_up()
    assert tidy_up()

    assert done == ["spans", "pool"]


def test_the_same_is_registered_once():
    done = []

    def tidy(seconds):
        done.append(seconds)

    at_stop(tidy)
    at_stop(tidy)
    tidy_up()

    assert len(done) == 1


def test_each_is_told_how_long_it_may_take():
    told = []
    at_stop(told.append)

    tidy_up(1.5)

    assert 0 < told[0] <= 1.5


def test_one_that_fails_is_logged_and_the_others_are_called(captured_logs):
    done = []
    at_stop(lambda _: done.append("pool"))

    @at_stop
    def spans(_seconds):
        raise ConnectionError("the collector is gone")

    assert tidy_up()

    assert done == ["pool"]
    (line,) = [line for line in captured_logs if line["message"] == "the end was not tidy"]
    assert "the collector is gone" in line["exception"]


def test_one_that_hangs_does_not_hold_up_the_end(captured_logs):
    released = threading.Event()
    at_stop(lambda _: released.wait(30))

    assert not tidy_up(0.05)

    released.set()
    for thread in threading.enumerate():
        if thread.name == "tidying":
            thread.join()  # or it would go on with what other tests have registered
    assert [line["reason"] for line in captured_logs] == ["timeout"]


@pytest.mark.parametrize(
    ("drain", "shutdown", "grace"), [(5, 25, 35), (0, 0, 5), (0.5, 10, 16), (1, 1.2, 8)]
)
def test_the_grace_covers_every_part_of_the_end(drain, shutdown, grace):
    assert grace_seconds(drain_seconds=drain, shutdown_seconds=shutdown) == grace
