"""A running throw-away system, seen from outside: commands, requests, processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import psutil
import urllib3

from quintet.fleet import control, record

PATIENCE_SECONDS = 90


class RunningSystem:
    """Runs the command line on one directory, as a person would."""

    def __init__(self, root):
        self.root = root
        self.state = root / ".quintet"
        self.printed = root / "printed.txt"
        self.http = urllib3.PoolManager(retries=False, timeout=20)

    def command(self, *words, typed=None, expect=0, **environment):
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "quintet", *words],
            cwd=self.root,
            env=self._environment(environment),
            input=typed,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert ended.returncode == expect, ended.stdout + ended.stderr
        return ended

    def spawn(self, *words):
        with self.printed.open("wb") as printed:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "quintet", *words],
                cwd=self.root,
                env=self._environment({}),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def spawn_into_nowhere(self, *words):
        """Spawn with an output that nobody reads any more."""
        reader, writer = os.pipe()
        os.close(reader)
        spawned = subprocess.Popen(
            [sys.executable, "-P", "-m", "quintet", *words],
            cwd=self.root,
            env=self._environment({}),
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(writer)
        eventually(lambda: record.held(self.state))
        return spawned

    def says(self, words):
        """Whether what was spawned has printed the words."""
        return words in self.printed.read_text(encoding="utf-8")

    def status(self):
        return next(control.ask(self.state, {"command": "status"}, timeout_seconds=30))

    def unit(self, name):
        return next(unit for unit in self.status()["units"] if unit["name"] == name)

    def ask(self, path, method="GET", **kwargs):
        return self.http.request(method, self.status()["gateway"] + path, **kwargs)

    def supervisor(self):
        return psutil.Process(int((self.state / "lock").read_text(encoding="ascii")))

    def family(self):
        own = self.supervisor()
        return [own, *own.children(recursive=True)]

    def end(self):
        """Leave nothing, whatever the test did."""
        if record.held(self.state):
            self.command("down")
        record.end_leftovers(self.state / "state.json")

    def _environment(self, extra):
        kept = ("PATH", "HOME", "LANG", "TMPDIR")
        passed = {k: v for k, v in os.environ.items() if k in kept or k.startswith("COVERAGE_")}
        return {**passed, **extra}


def eventually(condition):
    """Wait until something is true; what it returned is returned."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.05)
    return found


def decoded(response):
    return json.loads(response.data)
