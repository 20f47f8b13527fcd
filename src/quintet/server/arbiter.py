"""gunicorn's master, which drains before it stops: it alone decides when its workers end.

gunicorn closes its listeners as soon as it is told to end. A load balancer hears of that seconds
later, and what it sends meanwhile is refused or reset.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

from gunicorn import sock
from gunicorn.arbiter import Arbiter

from quintet.lifecycle import ending, phase
from quintet.server import startup

if TYPE_CHECKING:
    from quintet.server.application import ServiceApplication

END_OF_WORKER = signal.SIGUSR2
"""What workers take from their master. SIGTERM and SIGINT may reach a whole group of processes."""

WISH_OF_WORKER = signal.SIGUSR2
"""The same signal the other way round; gunicorn would start another master."""

_ENDS = (signal.SIGTERM, signal.SIGINT)
_LOOK_SECONDS = 0.05


class ServiceArbiter(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    """Serves on for ``DRAIN_SECONDS`` after a signal, still replacing workers that die meanwhile.

    The same signal once more changes nothing: only SIGQUIT ends at once.
    """

    LISTENERS: list[Any]

    def __init__(self, application: ServiceApplication) -> None:
        self._stops_at: float | None = None
        self._drain_seconds = application.env.DRAIN_SECONDS
        self._shutdown_seconds = application.env.SHUTDOWN_SECONDS
        super().__init__(application)

    def init_signals(self) -> None:
        super().init_signals()
        if startup.was_told_to_end():
            self.signal(signal.SIGTERM, None)

    def signal(self, sig: int, frame: Any) -> None:
        """Begin to drain before anything else: the main loop may be busy with a worker."""
        if sig not in _ENDS:
            super().signal(sig, frame)
        elif self._stops_at is None:
            self._stops_at = time.monotonic() + self._drain_seconds
            phase.begin_draining()
            self.wakeup()

    def wait_for_signals(self, timeout: float = 1.0) -> Any:
        """Sleep until the drain is over at the latest, and end then."""
        if self._stops_at is None:
            return super().wait_for_signals(timeout)
        left = self._stops_at - time.monotonic()
        if left <= 0:
            raise StopIteration
        return super().wait_for_signals(min(timeout, left))

    def handle_usr2(self) -> None:
        """Look for a worker that asks to be replaced; the main loop does so after every signal."""

    def manage_workers(self) -> None:
        """Put a new worker beside one that asks to be replaced, and end that one after it."""
        leaving = self._leaving()
        if leaving is None:
            super().manage_workers()
            return
        while len(self.WORKERS) <= self.num_workers:
            self.spawn_worker()
        self.kill_worker(leaving, signal.SIGTERM)

    def _leaving(self) -> int | None:
        """The oldest of those that ask: one at a time, since they may all ask at once."""
        asking = [
            (worker.age, pid)
            for pid, worker in self.WORKERS.items()
            if os.fstat(worker.tmp.fileno()).st_size
        ]
        return min(asking)[1] if asking else None

    def kill_worker(self, pid: int, sig: int) -> None:
        """Ask a worker to end by the signal that nobody else sends it."""
        super().kill_worker(pid, END_OF_WORKER if sig == signal.SIGTERM else sig)

    def stop(self, graceful: bool = True) -> None:  # noqa: FBT001, FBT002 - gunicorn's signature
        """Accept nothing more, and wait until the workers have finished; clocks may be set."""
        if not graceful:
            super().stop(graceful=False)
            return
        phase.begin_stopping()
        sock.close_sockets(self.LISTENERS, unlink=True)
        self.LISTENERS.clear()
        self.kill_workers(signal.SIGTERM)
        ends_at = time.monotonic() + self._shutdown_seconds + ending.TIDY_SECONDS
        while self.WORKERS and time.monotonic() < ends_at:
            time.sleep(_LOOK_SECONDS)
            self.reap_workers()
        self._kill_those_left()

    def _kill_those_left(self) -> None:
        if not self.WORKERS:
            return
        phase.cut_short()
        self.log.error("Killing workers that did not end: %s", sorted(self.WORKERS))
        self.kill_workers(signal.SIGKILL)
        while self.WORKERS:
            time.sleep(_LOOK_SECONDS)
            self.reap_workers()
