from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import psutil
import pytest

from quintet.fleet import record


@pytest.fixture
def sleeper():
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def stubborn():
    code = (
        "import signal; signal.signal(2, signal.SIG_IGN); print('on', flush=True); signal.pause()"
    )
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", code], start_new_session=True, stdout=subprocess.PIPE
    )
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


def test_what_an_interrupted_run_left_is_ended(tmp_path, sleeper):
    file = tmp_path / "state.json"
    record.write(file, processes={"alpha": sleeper.pid})

    assert record.end_leftovers(file) == ["alpha"]
    assert not psutil.pid_exists(sleeper.pid)
    assert not file.exists()


def test_a_leftover_that_ignores_the_request_is_killed(tmp_path, stubborn, monkeypatch):
    monkeypatch.setattr(record, "PATIENCE_SECONDS", 0.3)
    file = tmp_path / "state.json"
    record.write(file, processes={"alpha": stubborn.pid})

    record.end_leftovers(file)

    assert not psutil.pid_exists(stubborn.pid)


def test_a_pid_that_went_to_another_process_is_left_alone(tmp_path, sleeper):
    file = tmp_path / "state.json"
    record.write(file, processes={"alpha": sleeper.pid})
    document = json.loads(file.read_text(encoding="utf-8"))
    document["processes"]["alpha"]["started"] -= 60
    file.write_text(json.dumps(document), encoding="utf-8")

    assert record.end_leftovers(file) == []
    assert sleeper.poll() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"processes": {"alpha": 1}}'])
def test_a_broken_record_is_no_record(tmp_path, text):
    file = tmp_path / "state.json"
    file.write_text(text, encoding="utf-8")

    assert record.end_leftovers(file) == []


def test_a_directory_is_held_by_one_process(tmp_path):
    with record.hold(tmp_path):
        with pytest.raises(record.AlreadyRunning) as caught:
            record.hold(tmp_path)

        assert caught.value.pid == os.getpid()
        assert record.held(tmp_path)


def test_a_directory_is_free_again_when_its_holder_is_gone(tmp_path):
    record.hold(tmp_path).close()

    assert not record.held(tmp_path)


def test_a_directory_that_does_not_exist_is_not_held(tmp_path):
    assert not record.held(tmp_path / "nothing")


def test_a_holder_that_lets_go_at_once_is_waited_for(tmp_path):
    lock = record.hold(tmp_path)
    threading.Timer(0.1, lock.close).start()

    record.hold(tmp_path, patience_seconds=10).close()
