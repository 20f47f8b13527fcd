"""The commands where something is in the way: a full disk, a closed terminal, another command."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading

import psutil
import pytest

from quintet.fleet import record
from tests.fleet.system import eventually


@pytest.mark.parametrize(
    "words",
    [
        ("wait", "--timeout", "-1"),
        ("wait", "--timeout", "nan"),
        ("wait", "--timeout", "0"),
        ("logs", "-n", "-5"),
    ],
)
def test_an_impossible_number_is_a_misuse(system, words):
    said = system.command(*words, expect=2).stderr

    assert "Invalid value" in said


def test_the_logs_as_json_are_json_in_every_line(system):
    printed = system.command("logs", "--json").stdout.splitlines()

    assert {"postgres", "beta-worker"} <= {json.loads(line).get("service") for line in printed}


def test_a_state_directory_that_cannot_be_is_an_error_with_a_remedy(system, tmp_path):
    (tmp_path / "file").touch()

    said = system.command("up", expect=1, QUINTET_STATE=str(tmp_path / "file")).stderr

    assert "Traceback" not in said
    assert "QUINTET_STATE" in said


def test_the_start_as_json_prints_one_document(stopped_system):
    supervisor = subprocess.Popen(
        [sys.executable, "-P", "-m", "quintet", "up", "--json"],
        cwd=stopped_system.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"]},
    )
    eventually(lambda: record.held(stopped_system.state))
    stopped_system.command("wait")
    supervisor.send_signal(signal.SIGINT)

    assert json.loads(supervisor.communicate(timeout=30)[0])["gateway"]


def test_a_reader_that_left_does_not_stop_the_system(stopped_system):
    supervisor = stopped_system.spawn_into_nowhere("up")

    stopped_system.command("wait")
    supervisor.send_signal(signal.SIGINT)

    assert supervisor.wait(timeout=30) == 0


def test_a_closed_terminal_stops_the_system(stopped_system):
    leader, follower = pty.openpty()
    supervisor = subprocess.Popen(
        [sys.executable, "-P", "-m", "quintet", "up", "--quiet"],
        cwd=stopped_system.root,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
        env={"PATH": os.environ["PATH"]},
    )
    os.close(follower)
    eventually(lambda: b"beta" in os.read(leader, 1000))

    os.close(leader)
    supervisor.send_signal(signal.SIGHUP)  # the kernel sends it to whoever the terminal controls

    assert supervisor.wait(timeout=30) == 0


def test_an_interrupted_detached_start_leaves_nothing(stopped_system):
    starting = stopped_system.spawn("up", "--detach")
    eventually(lambda: record.held(stopped_system.state))

    starting.send_signal(signal.SIGINT)

    assert starting.wait(timeout=30) == 1
    assert not record.held(stopped_system.state)


def test_down_during_a_stop_waits_and_kills_nothing(stopped_system):
    stopped_system.command("up", "--detach")
    first = threading.Thread(target=stopped_system.command, args=("down",))
    slow = psutil.Process(stopped_system.unit("alpha")["pid"])
    slow.suspend()

    first.start()
    eventually(lambda: not (stopped_system.state / "control.sock").exists())
    threading.Timer(1, slow.resume).start()
    stopped_system.command("down")
    first.join()

    own_log = (stopped_system.state / "logs" / "quintet.log").read_text(encoding="utf-8")
    assert "postgres is restarting" not in own_log
