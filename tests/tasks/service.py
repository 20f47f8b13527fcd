"""A service whose workers are processes of their own, which may be hurt."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil

from quintet.settings import derive
from tests.project.settings import ProjectSettings

BASIS = {
    "SERVICE_NAME": "project",
    "SERVICE_ENVIRONMENT": "test",
    "SECRET_KEY": "a key for tests, and for nothing else",
    "ENABLE_ASYNC_PROCESSING": "1",
    "TASK_PROCESSES": "1",
    "TASK_VISIBILITY_SECONDS": "90",
}
PATIENCE_SECONDS = 40


def until(condition):
    """Look again and again, and return what was found."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < ends_at
        time.sleep(0.05)
    return found


class Service:
    """What its processes share, and the processes."""

    def __init__(self, variables, log):
        self.variables, self.log, self.workers = variables, log, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for worker in self.workers:
            kill(worker)

    def bind(self, settings, monkeypatch):
        """Let this process enqueue as a process of the service does."""
        settings.QUINTET = ProjectSettings.load(environ=self.variables)
        settings.TASKS = derive.tasks(settings.QUINTET)
        monkeypatch.setenv("TOLD_URL", self.variables["TOLD_URL"])

    def work(self, **variables):
        """Start a worker, and wait until it takes tasks."""
        worker = self.start(**variables)
        ready = "worker takes tasks"
        until(lambda: self.logged(ready, pid=worker.pid) or worker.poll() is not None)
        assert worker.poll() is None, self.log.read_text()
        return worker

    def start(self, **variables):
        """Start a worker."""
        with self.log.open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "django", "quintet_tasks"],
                env={
                    **os.environ,
                    "DJANGO_SETTINGS_MODULE": "tests.project.settings",
                    **self.variables,
                    **variables,
                },
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.workers.append(worker)
        return worker

    def hear(self, number):
        """Wait until so much was told, and return all of it."""
        try:
            until(lambda: self.told.llen("told") >= number)
        except AssertionError:
            raise AssertionError([*self.heard(), self.log.read_text()]) from None
        return self.heard()

    def heard(self):
        return self.told.lrange("told", 0, -1)

    def logged(self, message, **fields):
        """The lines of the workers that say so."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line[:1] == "{"]
        wanted = {"message": message, **fields}.items()
        return [line for line in lines if wanted <= line.items()]


def kill(worker):
    """End a worker and its children now."""
    with suppress(psutil.NoSuchProcess):
        for process in [*psutil.Process(worker.pid).children(recursive=True), worker]:
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                process.send_signal(signal.SIGKILL)
    worker.wait(PATIENCE_SECONDS)
