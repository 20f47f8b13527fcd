"""What a run writes down about itself, so that the next one finds what it left running."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import time
from typing import IO, TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CLOCK_TOLERANCE_SECONDS = 1.0
PATIENCE_SECONDS = 3.0
INTERVAL_SECONDS = 0.02


class AlreadyRunning(Exception):
    """Another supervisor holds this state directory; ``pid`` is 0 when it is unknown."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"a supervisor with pid {pid} holds this state directory")
        self.pid = pid


def hold(directory: Path, *, patience_seconds: float = 0.0) -> IO[str]:
    """Take the directory for this process; the kernel gives it back when the process ends.

    A supervisor is patient, because ``held`` takes the lock for a moment in order to know.

    Raises:
        AlreadyRunning: Another process has it.
    """
    lock = (directory / "lock").open("a+", encoding="ascii")
    deadline = time.monotonic() + patience_seconds
    while not _locked(lock):
        if time.monotonic() >= deadline:
            lock.seek(0)
            text = lock.read().strip()
            lock.close()
            raise AlreadyRunning(int(text) if text.isdigit() else 0)
        time.sleep(INTERVAL_SECONDS)
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def held(directory: Path) -> bool:
    """Whether a supervisor runs on this directory."""
    try:
        hold(directory).close()
    except AlreadyRunning:
        return True
    except FileNotFoundError:
        return False
    return False


def write(file: Path, *, processes: Mapping[str, int], **facts: object) -> None:
    """Write the pids with their start times, and whatever else is worth knowing, in one step."""
    listed = {name: _identity(pid) for name, pid in processes.items()}
    document = {"supervisor": _identity(os.getpid()), "processes": listed, **facts}
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(document, indent=1), encoding="utf-8")
    partial.replace(file)


def end_leftovers(file: Path) -> list[str]:
    """End the processes that an interrupted run left, each recognised by pid and start time."""
    left = {name: process for name, process in _recorded(file) if process is not None}
    for process in left.values():
        _signal(process, signal.SIGINT)
    _, stubborn = psutil.wait_procs(list(left.values()), timeout=PATIENCE_SECONDS)
    for process in stubborn:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=PATIENCE_SECONDS)
    file.unlink(missing_ok=True)
    return list(left)


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _recorded(file: Path) -> list[tuple[str, psutil.Process | None]]:
    try:
        listed = json.loads(file.read_text(encoding="utf-8"))["processes"]
        return [(name, _alive(one["pid"], one["started"])) for name, one in listed.items()]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return []


def _identity(pid: int) -> dict[str, float]:
    try:
        return {"pid": pid, "started": psutil.Process(pid).create_time()}
    except psutil.NoSuchProcess:
        return {"pid": pid, "started": 0.0}


def _alive(pid: int, started: float) -> psutil.Process | None:
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < CLOCK_TOLERANCE_SECONDS
        if same and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError, psutil.NoSuchProcess):
        if os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
