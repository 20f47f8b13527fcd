"""One thread in each process for all that has to be looked at now and then.

It is started by the first request of a process, never before a fork: a thread does not survive one.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_PAUSE_SECONDS = 5.0

log = get_logger("quintet.lifecycle")


@dataclass(slots=True)
class _Task:
    seconds: float
    run: Callable[[], object]
    due_at: float = 0.0
    failed: bool = False


class Monitor:
    """Runs tasks, each at its own pace, one after another in a thread of their own."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.started = False
        """Asked by every request, so that the first one can start the thread."""
        self._clock = clock
        self._tasks: dict[str, _Task] = {}
        self.forget()

    def forget(self) -> None:
        """Begin afresh in a forked child: what is to be done stays, the thread is gone."""
        self.started = False
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def every(self, seconds: float, name: str, *, run: Callable[[], object]) -> None:
        """Have ``run`` called again and again, instead of what had this name; never at once."""
        self._tasks[name] = _Task(seconds, run, self._clock() + seconds)

    def hold(self) -> None:
        """Let nobody start the thread: in tests, a look at the machine is one too many."""
        self.started = True

    def start(self) -> None:
        """Start the thread if it does not run; without one more thread, things go on unwatched."""
        with self._lock:
            if self.started:
                return
            self.started = True
            thread = threading.Thread(target=self._run, name="quintet-monitor", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                log.warning("nobody watches this process", exc_info=error)
                return
            self._thread = thread

    def stop(self, seconds: float) -> None:
        """End the thread, after what it does at this moment."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def run_due(self) -> float:
        """Run what is due, and return after how many seconds something is again."""
        now = self._clock()
        for name, task in list(self._tasks.items()):
            if task.due_at <= now:
                task.due_at = now + task.seconds
                self._attempt(name, task)
        left = min((task.due_at for task in self._tasks.values()), default=now) - self._clock()
        return min(max(left, 0.0), LONGEST_PAUSE_SECONDS)

    def _run(self) -> None:
        while not self._ended.wait(self.run_due()):
            pass

    def _attempt(self, name: str, task: _Task) -> None:
        try:
            task.run()
        except Exception as error:
            if not task.failed:  # said once, and not every second
                log.warning("a look at this process failed", task=name, exc_info=error)
            task.failed = True
        else:
            task.failed = False


current = Monitor()
"""The monitor of this process."""

os.register_at_fork(after_in_child=current.forget)
