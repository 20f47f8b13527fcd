from __future__ import annotations

import os
import signal
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

TICK = [sys.executable, "-m", "django", "tick"]


@pytest.fixture
def ticking():
    """Start ``tick`` in a process of its own, which ends with the test."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [*TICK, *arguments],
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.project.settings"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def until(process, word, times):
    """Read what the process prints until it has said ``word`` so often."""
    seen = []
    while sum(word in line for line in seen) < times:
        line = process.stdout.readline()
        assert line, seen
        seen.append(line)
    return seen


def rest_of(process):
    """All that it still prints; what ``readline`` has read ahead is lost to ``communicate``."""
    process.wait(timeout=30)
    return process.stdout.read()


def test_without_a_rhythm_it_is_one_round():
    said = StringIO()

    call_command("tick", stdout=said)

    assert said.getvalue().split() == ["round", "done", "ticked"]


@pytest.mark.parametrize(("mood", "error"), [("away", OperationalError), ("undone", CommandError)])
def test_one_round_that_fails_fails_the_command(mood, error):
    with pytest.raises(error):
        call_command("tick", mood=mood)


@pytest.mark.parametrize("rhythm", ["0", "-1", "nan"])
def test_a_rhythm_that_is_none_is_refused(rhythm):
    with pytest.raises(CommandError, match="give a number above 0"):
        call_command("tick", f"--every-seconds={rhythm}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_round_finish_and_ends_with_zero(ticking, number):
    process = ticking("--every-seconds=60")
    until(process, "round", 1)

    for _ in range(3):  # once more changes nothing
        process.send_signal(number)

    assert ("done" in rest_of(process), process.returncode) == (True, 0)


def test_a_long_round_hears_that_the_end_is_near(ticking):
    process = ticking("--every-seconds=60", "--mood=long")
    until(process, "round", 1)

    process.send_signal(signal.SIGTERM)

    assert "done" in rest_of(process)


@pytest.mark.parametrize("arguments", [(), ("--mood=undone",), ("--every-seconds=60",)])
def test_what_has_to_be_put_down_is_put_down_at_the_end(ticking, arguments):
    process = ticking(*arguments)
    until(process, "round", 1)

    if "--every-seconds=60" in arguments:
        process.send_signal(signal.SIGTERM)

    assert "tidied" in rest_of(process)


def test_a_command_that_others_call_leaves_their_process_alone(monkeypatch):
    tidied = []
    monkeypatch.setattr("quintet.lifecycle.tidy_up", lambda: tidied.append(True))

    call_command("tick", stdout=StringIO())

    assert tidied == []


@pytest.mark.parametrize(
    ("mood", "words"), [("away", "database is away"), ("undone", "one is left")]
)
def test_a_round_that_fails_is_logged_and_the_next_one_comes(ticking, mood, words):
    process = ticking("--every-seconds=0.05", f"--mood={mood}")

    seen = until(process, "round\n", 3)

    assert any(words in line for line in seen)


def test_a_round_is_a_trace_of_its_own(collector):
    call_command("tick", stdout=StringIO())

    assert collector.span().name == "tick"
