from __future__ import annotations

import logging
import threading

import pytest

from quintet.telemetry import turning
from quintet.telemetry.turning import FILE, MOST_CHANGES, MOST_SECONDS, Levels, TooMany, Unknown

shop = logging.getLogger("shop.turned")


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["alone", "shared"])
def levels(request, tmp_path, clock):
    """The levels of a process that is alone, and of one that shares a folder."""
    shop.setLevel(logging.WARNING)
    made = Levels(None if request.param == "alone" else tmp_path, clock=clock)
    yield made
    clock.now += MOST_SECONDS + 1
    made.follow()


@pytest.fixture
def processes(tmp_path, clock):
    """Two processes of one service."""
    shop.setLevel(logging.WARNING)
    made = [Levels(tmp_path, clock=clock) for _ in range(2)]
    yield made
    clock.now += MOST_SECONDS + 1
    for process in made:
        process.follow()


def test_a_level_goes_back_by_itself(levels, clock, captured_logs):
    levels.change("shop.turned", "DEBUG", seconds=60)
    assert shop.level == logging.DEBUG

    clock.now += 59
    levels.follow()
    assert shop.level == logging.DEBUG
    clock.now += 1
    levels.follow()
    levels.follow()

    assert shop.level == logging.WARNING
    (line,) = captured_logs
    assert (line["message"], line["changed"], line["was"]) == (
        "log level went back",
        "shop.turned",
        "DEBUG",
    )


def test_nobody_can_leave_a_level_turned_for_more_than_an_hour(levels):
    levels.change("shop.turned", "DEBUG", seconds=1e9)

    assert levels.changes() == {"shop.turned": ("DEBUG", MOST_SECONDS)}


def test_a_level_goes_back_when_somebody_says_so(levels):
    levels.change("shop.turned", "DEBUG")
    levels.restore("shop.turned")
    levels.restore("shop.turned")

    assert shop.level == logging.WARNING
    assert levels.changes() == {}


def test_a_level_that_is_turned_twice_goes_back_to_the_first(levels, clock):
    levels.change("shop.turned", "DEBUG", seconds=60)
    levels.change("shop.turned", "ERROR", seconds=120)
    assert shop.level == logging.ERROR

    clock.now += 120
    levels.follow()

    assert shop.level == logging.WARNING


def test_a_group_turns_all_its_loggers(levels, clock):
    members = [logging.getLogger(name) for name in turning.GROUPS["clients"]]
    before = [logger.level for logger in members]

    levels.change("clients", "DEBUG", seconds=60)
    assert {logger.level for logger in members} == {logging.DEBUG}
    clock.now += 60
    levels.follow()

    assert [logger.level for logger in members] == before


def test_the_root_is_a_logger_like_any_other(levels):
    before = logging.root.level

    levels.change("root", "CRITICAL")
    assert logging.root.level == logging.CRITICAL

    levels.restore("root")
    assert logging.root.level == before


def test_a_name_that_only_has_loggers_below_it_is_known(levels):
    logging.getLogger("shop_only_below.turned")

    levels.change("shop_only_below", "DEBUG")

    assert logging.getLogger("shop_only_below.turned").getEffectiveLevel() == logging.DEBUG


def test_an_unknown_name_is_refused(levels):
    with pytest.raises(Unknown, match="shpo"):
        levels.change("shpo", "DEBUG")


def test_an_unknown_level_is_refused(levels):
    with pytest.raises(ValueError, match="CHATTY"):
        levels.change("shop.turned", "CHATTY")


def test_there_is_an_end_to_changes(levels):
    for number in range(MOST_CHANGES):
        logging.getLogger(f"shop_turned_{number}")
        levels.change(f"shop_turned_{number}", "DEBUG")

    with pytest.raises(TooMany):
        levels.change("shop.turned", "DEBUG")


def test_what_one_process_turns_the_others_turn_too(processes, clock):
    first, second = processes

    first.change("shop.turned", "DEBUG", seconds=60)
    shop.setLevel(logging.WARNING)  # this process plays both
    second.follow()

    assert shop.level == logging.DEBUG
    assert second.changes() == {"shop.turned": ("DEBUG", 60.0)}


def test_the_end_is_said_by_one_process_alone(processes, clock, captured_logs):
    first, second = processes
    first.change("shop.turned", "DEBUG", seconds=60)
    second.follow()

    clock.now += 60
    second.follow()
    first.follow()

    assert [line["message"] for line in captured_logs] == ["log level went back"]
    assert first.changes() == second.changes() == {}
    assert shop.level == logging.WARNING


def test_changes_of_many_at_the_same_time_are_all_kept(tmp_path, clock):
    names = [f"shop_turned_at_once_{number}" for number in range(40)]
    for name in names:
        logging.getLogger(name)

    def change(mine):
        for name in mine:
            Levels(tmp_path, clock=clock).change(name, "DEBUG")

    threads = [threading.Thread(target=change, args=(names[at::4],)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    seen = Levels(tmp_path, clock=clock)
    seen.follow()
    assert set(seen.changes()) == set(names)


def test_a_look_at_nothing_new_reads_nothing(processes, tmp_path, monkeypatch):
    first, second = processes
    first.change("shop.turned", "DEBUG")
    second.follow()

    with monkeypatch.context() as patched:
        patched.setattr(Levels, "_read", lambda _: pytest.fail("it was read"))
        second.follow()
        first.follow()


def test_what_another_process_has_just_ended_is_not_ended_again(processes, clock, captured_logs):
    first, second = processes
    first.change("shop.turned", "DEBUG", seconds=60)
    second.follow()
    remembered = second._changes
    clock.now += 60
    first.follow()

    second.follow()
    second._changes = remembered  # as it was read before the other one wrote
    second.follow()

    assert [line["message"] for line in captured_logs] == ["log level went back"]
    assert second._changes == ()


@pytest.mark.parametrize("written", ["", "{", "[1]", '[{"name": "x"}]', "null"])
def test_a_file_that_cannot_be_read_changes_nothing(processes, tmp_path, written):
    (tmp_path / FILE).write_text(written)

    processes[0].follow()

    assert processes[0].changes() == {}


def test_the_levels_of_this_process_can_be_shared(tmp_path):
    before = turning.current()

    turning.share(tmp_path)
    turning.follow()

    assert turning.current() is not before
    turning.share(None)
