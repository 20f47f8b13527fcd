from __future__ import annotations

import os
import signal
import time

import pytest

from quintet.lifecycle import turns
from quintet.lifecycle.turns import Turn


@pytest.fixture
def other(tmp_path):
    """Another process that has the turn, until it is killed."""
    said, says = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - what a child covers is not collected
        os.write(says, bytes([Turn("walk", tmp_path).take()]))
        time.sleep(60)
        os._exit(0)
    assert os.read(said, 1) == b"\x01"
    os.close(said)
    os.close(says)
    yield child
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_a_turn_is_kept_until_it_is_given_back(tmp_path):
    first, second = Turn("walk", tmp_path), Turn("walk", tmp_path)

    assert first.take()
    assert first.take()
    assert not second.take()

    first.give_back()
    assert second.take()
    second.give_back()


def test_turns_of_other_names_are_other_turns(tmp_path):
    first, second = Turn("walk", tmp_path), Turn("talk", tmp_path)

    assert first.take()
    assert second.take()
    first.give_back()
    second.give_back()


def test_another_process_has_it_until_it_ends_however_it_ends(tmp_path, other):
    turn = Turn("walk", tmp_path)
    assert not turn.take()

    os.kill(other, signal.SIGKILL)
    os.waitid(os.P_PID, other, os.WEXITED | os.WNOWAIT)

    assert turn.take()
    turn.give_back()


def test_a_forked_child_does_not_have_the_turn_of_its_parent(tmp_path):
    turn = Turn("walk", tmp_path)
    assert turn.take()

    child = os.fork()
    if child == 0:  # pragma: no cover - as above
        os._exit(1 if turn.take() else 0)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not Turn("walk", tmp_path).take()
    turn.give_back()


def test_a_process_that_is_alone_always_has_its_turn():
    turn = Turn("walk", None)

    assert turn.take()
    turn.give_back()
    assert turn.take()


@pytest.mark.parametrize("named", ["", "somewhere"])
def test_the_folder_is_that_of_the_metrics(monkeypatch, named):
    monkeypatch.setenv(turns.VARIABLE, named)

    found = turns.shared_folder()

    assert str(found or "") == named
