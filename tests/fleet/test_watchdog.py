from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from quintet.fleet import watchdog


@pytest.fixture
def group():
    """A process that leads a group of two."""
    code = (
        "import subprocess, time; subprocess.Popen(['sleep', '600']); "
        "print(1, flush=True); time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", code], start_new_session=True, stdout=subprocess.PIPE
    )
    process.stdout.readline()
    yield psutil.Process(process.pid)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.fixture
def dog():
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", watchdog.__file__], stdin=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.wait()


def test_what_is_listed_ends_when_the_pipe_closes(dog, group):
    family = [group, *group.children()]

    dog.communicate(f"+{group.pid}\n", timeout=30)

    assert psutil.wait_procs(family, timeout=5)[1] == []


def test_nothing_is_touched_after_a_farewell(dog, group):
    dog.communicate(f"+{group.pid}\nbye\n", timeout=30)

    assert group.is_running()


@pytest.mark.parametrize(
    ("lines", "left"),
    [(["+1", "+2", "-1"], {2}), (["-5", "+6"], {6}), (["+1", "bye"], set()), ([], set())],
)
def test_the_list_follows_the_lines(lines, left):
    assert watchdog.follow(lines) == left


def test_a_group_that_ignores_the_interrupt_is_killed(monkeypatch):
    monkeypatch.setattr(watchdog, "PATIENCE_SECONDS", 0.2)
    code = "import signal; signal.signal(2, signal.SIG_IGN); print(1, flush=True); signal.pause()"
    stubborn = subprocess.Popen(
        [sys.executable, "-S", "-c", code], start_new_session=True, stdout=subprocess.PIPE
    )
    stubborn.stdout.readline()

    watchdog.end({stubborn.pid})

    stubborn.communicate(timeout=30)
    assert stubborn.returncode == -signal.SIGKILL


def test_a_group_that_is_gone_is_no_error(group):
    os.killpg(group.pid, signal.SIGKILL)
    psutil.wait_procs([group])

    watchdog.end({group.pid})


def test_the_terminal_cannot_interrupt_the_watchdog(dog):
    _until_it_ignores(dog.pid, signal.SIGINT)

    dog.send_signal(signal.SIGINT)
    dog.send_signal(signal.SIGTERM)
    dog.communicate("bye\n", timeout=30)

    assert dog.returncode == 0


def _until_it_ignores(pid: int, number: signal.Signals) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        ignored = int(status.partition("SigIgn:\t")[2].split()[0], 16)
        if ignored & (1 << (signal.SIGTERM - 1)) and ignored & (1 << (number - 1)):
            return
        time.sleep(0.01)
    pytest.fail(f"it never ignored {number.name}")
