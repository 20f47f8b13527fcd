from __future__ import annotations

import os
import signal

import pytest

from quintet.embedded import spawn
from quintet.embedded.server import Launch, NotReady, Server, Unavailable, same_directory


class Script(Server):
    """A shell script that is ready when it made the file ``ready``."""

    name = "script"
    text = ""

    def prepare(self) -> Launch:
        return Launch(
            argv=("sh", "-c", self.text),
            env=dict(os.environ),
            cwd=self.directory,
            preexec=spawn.ends_with_parent(signal.SIGKILL),
            stop_signal=self.stop_signal,
        )

    def probe(self) -> None:
        if not (self.directory / "ready").exists():
            raise NotReady(self.name)

    def url(self) -> str:
        return "script:"


@pytest.fixture
def script(tmp_path):
    server = Script(tmp_path)
    yield server
    server.stop()


def test_one_that_dies_at_once_is_unavailable_with_its_last_words(script):
    script.text = "echo cannot read the stars; exit 1"

    with pytest.raises(Unavailable, match="cannot read the stars") as failed:
        script.start()

    assert str(script.log_file) in failed.value.remedy


def test_one_that_never_becomes_ready_is_stopped_and_unavailable(script):
    script.text = "exec sleep 60"

    with pytest.raises(Unavailable, match="did not become ready"):
        script.start(timeout_seconds=0)

    assert script.process is None


def test_one_that_ignores_the_polite_signal_is_killed(script):
    script.text = "trap '' TERM; touch ready; while true; do sleep 1; done"
    script.start()
    process = script.process

    script.stop(timeout_seconds=0)

    assert process.returncode == -signal.SIGKILL


def test_stopping_twice_or_before_a_start_does_nothing(script):
    script.text = "touch ready; exec sleep 60"
    script.stop()
    script.start()

    script.stop()
    script.stop()

    assert script.process is None


def test_a_directory_is_itself_through_a_link_and_no_other(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)

    assert same_directory(str(tmp_path / "link"), tmp_path)
    assert not same_directory("/", tmp_path)
    assert not same_directory("/nowhere", tmp_path)
