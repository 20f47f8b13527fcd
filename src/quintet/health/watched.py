"""A check that cannot hurt: bounded in time, run by one at a time, remembered for a moment."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from quintet.health.results import CheckResult
from quintet.resilience import deadline
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from quintet.health.results import Check

TIMEOUT_SECONDS = 2.0
FRESH_SECONDS = 2.0
FAILURES_TO_FALL = 3

log = get_logger("quintet.health")

Clock = Callable[[], float]


class Verdict:
    """Up after one success, down after several failures in a row, and down at first.

    One slow answer of a database must not take every process out of the load balancer at once.
    """

    def __init__(self, failures_to_fall: int = FAILURES_TO_FALL) -> None:
        self.is_up = False
        self._failures_to_fall = failures_to_fall
        self._failures = 0

    def count(self, *, healthy: bool) -> None:
        """Take one more result into account."""
        self._failures = 0 if healthy else self._failures + 1
        if healthy:
            self.is_up = True
        elif self._failures >= self._failures_to_fall:
            self.is_up = False


class _Run:
    """One execution in a thread of its own, which may outlive everybody who waits for it."""

    def __init__(self, name: str, check: Check, *, ends_at: float, seconds: float) -> None:
        self.ends_at = ends_at
        self._seconds = seconds
        self.over = threading.Event()
        self.result = CheckResult(healthy=False, details={"error": "interrupted"})
        context = contextvars.copy_context()
        threading.Thread(
            target=context.run, args=(self._look, name, check), name=f"health-{name}", daemon=True
        ).start()

    def _look(self, name: str, check: Check) -> None:
        started = time.perf_counter()
        try:
            # Of its own, and not of the probe that happens to have asked first.
            with deadline.running(None), deadline.within(self._seconds):
                found = check()
            elapsed = round((time.perf_counter() - started) * 1000, 2)
            details = {"response_time_ms": elapsed, **found.details}
            self.result = CheckResult(healthy=found.healthy, details=details)
        except Exception as error:
            log.warning("health check failed", check=name, exc_info=error)
            self.result = CheckResult(healthy=False, details={"error": type(error).__name__})
        finally:
            self.over.set()


class Watched:
    """Runs a check when it is asked and the last result has grown old.

    Whoever asks meanwhile waits for the same run. A run that takes too long counts as a failure;
    while it hangs no second one is started, so that a dead dependency costs one thread and not one
    per probe.
    """

    def __init__(
        self,
        name: str,
        check: Check,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        fresh_seconds: float = FRESH_SECONDS,
        clock: Clock = time.monotonic,
    ) -> None:
        self.name = name
        self.verdict = Verdict()
        self._check = check
        self._timeout_seconds = timeout_seconds
        self._fresh_seconds = fresh_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._run: _Run | None = None
        self._last: tuple[float, CheckResult] | None = None

    def begin(self) -> None:
        """Start a run unless there is a fresh result or one is on its way."""
        with self._lock:
            self._begin()

    def result(self) -> CheckResult:
        """The fresh result, after at most ``timeout_seconds``."""
        with self._lock:
            run = self._begin()
            if run is None:
                return self._remembered()
        run.over.wait(max(0.0, run.ends_at - self._clock()))
        with self._lock:
            if self._is_fresh():
                return self._remembered()
            return self._record(run)

    def _begin(self) -> _Run | None:
        if self._is_fresh():
            return None
        if self._run is not None and self._run.over.is_set() and self._clock() > self._run.ends_at:
            self._run = None  # it ended after everybody had left, and what it found is old
        if self._run is None:
            seconds = self._timeout_seconds
            ends_at = self._clock() + seconds
            self._run = _Run(self.name, self._check, ends_at=ends_at, seconds=seconds)
        return self._run

    def _record(self, run: _Run) -> CheckResult:
        if run.over.is_set():
            result = run.result
            self._run = None
        else:
            log.warning("health check failed", check=self.name, reason="timeout")
            result = CheckResult(healthy=False, details={"error": "timeout"})
        self._last = (self._clock(), result)
        self.verdict.count(healthy=result.healthy)
        return result

    def _is_fresh(self) -> bool:
        return self._last is not None and self._clock() - self._last[0] < self._fresh_seconds

    def _remembered(self) -> CheckResult:
        if self._last is None:
            raise RuntimeError(f"The check {self.name} has not run yet.")
        return self._last[1]
