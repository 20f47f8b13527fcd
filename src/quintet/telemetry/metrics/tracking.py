"""How long the functions of a service take."""

from __future__ import annotations

import inspect
import threading
import time
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar

from quintet.telemetry.metrics.catalogue import BUCKETS_SECONDS, Durations
from quintet.telemetry.metrics.recorder import Using

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

P = ParamSpec("P")
R = TypeVar("R")


class _Stopwatch:
    """One histogram for each name, made when its buckets are known: configured, or first needed."""

    all: ClassVar[dict[str, _Stopwatch]] = {}
    bounds: ClassVar[tuple[float, ...] | None] = None
    lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, name: str) -> None:
        self._name = name
        self._histogram: Durations | None = None

    def histogram(self) -> Durations:
        found = self._histogram
        if found is not None:
            return found
        with self.lock:
            if self._histogram is None:
                self._histogram = Durations(
                    f"{self._name}_duration_seconds",
                    f"How long {self._name} took.",
                    buckets=self.bounds or BUCKETS_SECONDS,
                )
            return self._histogram

    def stop(self, started: float) -> None:
        Using.recorder.execution(self.histogram(), time.perf_counter() - started)


def divide(bounds: Iterable[float]) -> None:
    """Let the buckets end at ``bounds``; what has been measured before keeps those it has."""
    _Stopwatch.bounds = tuple(bounds)
    for stopwatch in _Stopwatch.all.values():
        stopwatch.histogram()


def track_execution_time(metric_name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Measure each call, also of a coroutine function, as ``<metric_name>_duration_seconds``."""
    stopwatch = _Stopwatch.all.setdefault(metric_name, _Stopwatch(metric_name))
    if _Stopwatch.bounds is not None:
        stopwatch.histogram()

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.iscoroutinefunction(function):

            async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
                started = time.perf_counter()
                try:
                    return await function(*args, **kwargs)
                finally:
                    stopwatch.stop(started)

            return wraps(function)(awaited)  # type: ignore[return-value]  # R is a coroutine

        @wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                stopwatch.stop(started)

        return called

    return decorate
