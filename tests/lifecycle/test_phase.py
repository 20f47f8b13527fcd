from __future__ import annotations

import os
import subprocess
import sys

import pytest

from quintet.lifecycle import begin_draining, is_draining, is_stopping, phase
from quintet.lifecycle.phase import (
    VARIABLE,
    begin_serving,
    begin_stopping,
    cut_short,
    was_cut_short,
)


@pytest.fixture(autouse=True)
def serving():
    yield
    begin_serving()


def test_a_service_serves_until_it_is_told_to_drain():
    assert not is_draining()

    begin_draining()

    assert is_draining()


def test_a_service_that_stops_wants_no_new_work_either():
    begin_stopping()

    assert (is_draining(), is_stopping()) == (True, True)


def test_a_late_signal_does_not_lead_back_from_stopping_to_draining():
    begin_stopping()

    begin_draining()

    assert is_stopping()


def test_a_new_run_knows_nothing_of_what_was_cut_short():
    cut_short()
    assert was_cut_short()

    begin_serving()

    assert not was_cut_short()


def test_a_fork_learns_of_it_after_it_was_made():
    reader, writer = os.pipe()
    told, telling = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(told, 1)
        os.write(writer, b"draining" if is_draining() else b"serving")
        os._exit(0)

    begin_draining()
    os.write(telling, b"!")
    os.waitpid(child, 0)

    assert os.read(reader, 16) == b"draining"


def test_a_new_run_leaves_the_file_to_the_one_that_still_drains(tmp_path, monkeypatch):
    monkeypatch.setattr(phase, "_shared_bytes", phase._shared(""))
    monkeypatch.setenv(VARIABLE, "")
    phase.share(tmp_path / "phase")
    begin_draining()
    older = phase._shared_bytes

    phase.share(tmp_path / "phase")

    assert not is_draining()
    assert older[0] == 1
    assert os.environ[VARIABLE] == str(tmp_path / "phase")


def test_a_process_that_is_started_afresh_finds_it_through_the_file(tmp_path):
    file = tmp_path / "phase"
    file.write_bytes(b"\x00")
    program = (
        "import sys; from quintet.lifecycle import is_draining; print(is_draining(), flush=True);"
        "sys.stdin.readline(); print(is_draining(), flush=True)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, VARIABLE: str(file)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    first = other.stdout.readline().strip()
    with file.open("r+b") as shared:
        shared.write(b"\x01")
    rest, _ = other.communicate("go\n", timeout=30)

    assert (first, rest.strip()) == ("False", "True")
