from __future__ import annotations

import os

import pytest

from quintet.lifecycle import recycling, succession
from quintet.lifecycle.succession import INTERVAL_SECONDS, STAMP, Succession


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(autouse=True)
def replaced(monkeypatch):
    """What the server was asked for."""
    asked = []
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    monkeypatch.setattr(recycling, "_offers", [lambda: asked.append("replace")])
    succession._forget()
    yield asked
    succession._forget()


@pytest.fixture
def workers(tmp_path, clock):
    """Two workers of one service."""
    made = [Succession(tmp_path, clock=clock) for _ in range(2)]
    yield made
    for worker in made:
        worker._turn.give_back()


def test_one_worker_asks_and_it_asks_once(workers, replaced, captured_logs):
    first, second = workers

    assert first.ask("memory")
    assert not first.ask("memory")
    assert not second.ask("memory")

    assert replaced == ["replace"]
    (said,) = captured_logs
    assert (said["message"], said["reason"]) == ("worker asks to be replaced", "memory")


def test_the_next_one_has_to_wait_for_a_while_after_the_first_has_ended(workers, clock):
    first, second = workers
    assert first.ask("memory")
    first._turn.give_back()

    clock.now += INTERVAL_SECONDS - 1
    assert not second.ask("memory")
    clock.now += 1
    assert second.ask("memory")


@pytest.mark.parametrize("stamp", ["", "x", "1e9"])
def test_what_an_earlier_run_has_left_behind_holds_nobody_up(workers, tmp_path, stamp):
    (tmp_path / STAMP).write_text(stamp)

    assert workers[0].ask("memory")


def test_where_the_server_replaces_nobody_nothing_is_asked(workers, monkeypatch, captured_logs):
    monkeypatch.setattr(recycling, "_offers", [])

    assert not workers[0].ask("memory")
    assert captured_logs == []
    assert workers[1]._turn.take()


def test_a_process_that_shares_no_folder_asks_for_itself(replaced):
    assert succession.ask("memory")
    assert not succession.ask("memory")

    assert replaced == ["replace"]


def test_a_forked_child_has_asked_for_nothing():
    succession.ask("memory")

    child = os.fork()
    if child == 0:  # pragma: no cover - what a child covers is not collected
        os._exit(0 if succession.ask("memory") else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
