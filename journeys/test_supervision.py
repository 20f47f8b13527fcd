"""The system as a whole: it leaves nothing behind, and two of them do not meet."""

from __future__ import annotations

import os
import signal

import psutil
import pytest
from system import STAGE, System, until

ANSWER = "/api/v1/errors/CONFLICT/"


def gone(processes):
    return not any(psutil.pid_exists(p.pid) and p.is_running() and alive(p) for p in processes)


def alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_killed_supervisor_leaves_no_process(fragile):
    processes = fragile.processes()
    assert len(processes) > 3

    processes[0].kill()

    until(lambda: gone(processes), seconds=5)


def test_down_leaves_no_process(fragile):
    processes = fragile.processes()

    fragile.down()

    until(lambda: gone(processes), seconds=5)


def test_ctrl_c_leaves_no_process(fragile):
    processes = fragile.processes()

    processes[0].send_signal(signal.SIGINT)

    until(lambda: gone(processes), seconds=5)


def test_a_system_comes_up_again_after_its_supervisor_was_killed(fragile):
    fragile.supervisor().kill()

    fragile.up()

    assert fragile.gateway().ask("GET", ANSWER).status == 409


def test_two_systems_stand_side_by_side(small, fragile):
    addresses = {small.url, fragile.url}

    assert len(addresses) == 2
    assert {system.gateway().ask("GET", ANSWER).status for system in (small, fragile)} == {409}


def test_a_taken_port_is_named_and_another_one_used(small, fragile):
    """Both want the same port, so whoever came second says where the first one is."""
    said = [(system.state / "logs" / "quintet.log").read_text() for system in (small, fragile)]

    assert any("is taken by" in text for text in said)


def test_a_second_up_on_the_same_state_is_refused(small):
    second = small.command("up", "--detach", check=False)

    assert second.returncode == 1
    assert "already running" in second.stderr
    assert "next:" in second.stderr


@pytest.mark.alone
def test_a_service_that_dies_again_and_again_is_given_up_and_named(fragile):
    """Five times in a minute: on a busy machine, five starts take longer than that."""

    def crashed():
        unit = fragile.unit("stage")
        if unit["pid"] and unit["state"] != "crashed":
            kill_group(unit["pid"])
        return unit["state"] == "crashed"

    until(crashed)

    assert fragile.unit("gateway")["state"] == "ready"
    assert fragile.command("wait", check=False).returncode == 1


def test_a_restarted_service_has_another_process(fragile):
    before = fragile.unit("stage")["pid"]

    fragile.command("restart", "stage")

    assert fragile.unit("stage")["pid"] not in {before, None}


@pytest.mark.parametrize("command", ["status", "wait", "manage stage check", "restart stage"])
def test_a_command_without_a_system_says_what_to_do(scratch, command):
    idle = System(root=STAGE, state=scratch / "idle")

    done = idle.command(*command.split(), check=False)

    assert done.returncode == 1
    assert "next: quintet up" in done.stderr


def kill_group(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
