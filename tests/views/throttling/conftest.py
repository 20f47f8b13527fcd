from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from quintet.embedded.valkey import Valkey
from tests.house.source import ROOT
from tests.project.settings import ProjectSettings


@pytest.fixture
def store(empty_valkey):
    """The URL of an empty database."""
    return empty_valkey("throttling")


class Crowd:
    """Four processes that ask at the same time, as fast as they can."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.views.throttling.hammer"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def hammer(self, url, rate, *, limiter="ours", seconds=0.5, jumps=(0, 0, 0, 0)):
        """What each was granted; ``jumps`` are the seconds that their clocks are wrong by."""
        asked = {"limiter": limiter, "url": url, "rate": rate, "seconds": seconds, "jumps": jumps}
        self.process.stdin.write(json.dumps(asked).encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="session")
def crowd():
    made = Crowd()
    yield made
    made.process.communicate(timeout=30)


@pytest.fixture
def server(tmp_path):
    """A server that a test may hurt."""
    made = Valkey(tmp_path / "valkey", durable=False)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def declare(settings):
    """Gives the project other settings."""

    def change(**environ):
        declared = {"SERVICE_ENVIRONMENT": "test", "SECRET_KEY": "k", **environ}
        settings.QUINTET = ProjectSettings.load(environ=declared)

    return change
