"""granian, the second server: an HTTP layer in Rust, the same settings, the same end.

It has no hooks inside a worker, so what gunicorn's worker does by overriding is done around the
application and in one thread of each worker here.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.common import AbstractServer
from granian.server.mp import MPServer

from quintet import auth, conf, lifecycle
from quintet.lifecycle import CUT_SHORT, ending, phase
from quintet.middleware import flights
from quintet.server import multiprocess, startup
from quintet.server.announced import answering

if TYPE_CHECKING:
    from quintet.server.startup import WSGIApplication
    from quintet.settings import ServiceSettings

HEADER_SECONDS = 30
HEADER_BYTES = 128 * 1024
"""What a request may have before its body; there is no limit for one field, or for their number."""

_LOOK_SECONDS = 1.0
_QUIET = {"version": 1, "incremental": True, "formatters": {}, "handlers": {}, "loggers": {}}
"""Its loggers go through the logging of the service, which is configured already."""


class ServiceServer(MPServer):
    """Serves on for ``DRAIN_SECONDS`` after a signal; the same signal again changes nothing."""

    def __init__(self, env: ServiceSettings) -> None:
        self._told = threading.Event()
        self._drain_seconds = env.DRAIN_SECONDS
        super().__init__(
            "quintet",
            address=env.HOST,
            port=env.PORT,
            interface=Interfaces.WSGI,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(
                header_read_timeout=HEADER_SECONDS * 1000, max_buffer_size=HEADER_BYTES
            ),
            workers=env.WEB_WORKERS,
            blocking_threads=env.MAX_IN_FLIGHT * startup.THREADS_PER_REQUEST,
            respawn_failed_workers=True,
            workers_kill_timeout=env.SHUTDOWN_SECONDS + ending.TIDY_SECONDS,  # type: ignore[arg-type] # compared with a clock
            log_dictconfig=_QUIET,
            websockets=False,
        )

    def run(self) -> None:
        """Serve until somebody says that it is enough."""
        threading.Thread(target=self._stop_after_drain, name="drain", daemon=True).start()
        # Not MPServer's own, which only warns of the threads that wait in every service.
        AbstractServer.serve(self, target_loader=worker_application)

    def startup(self, spawn_target: Any, target_loader: Any) -> None:
        """Listen to signals, unless one came while the application was loaded."""
        super().startup(spawn_target, target_loader)  # type: ignore[no-untyped-call]  # typed in part
        if startup.was_told_to_end():
            self.signal_handler_interrupt()

    def signal_handler_interrupt(self, *_args: Any, **_kwargs: Any) -> None:
        """Begin to drain. Another thread goes on: this one may hold any lock just now."""
        if not self._told.is_set():
            phase.begin_draining()
            self._told.set()

    def _stop_after_drain(self) -> None:
        self._told.wait()
        time.sleep(self._drain_seconds)
        super().signal_handler_interrupt()  # type: ignore[no-untyped-call]  # as above

    def _stop_workers(self) -> None:
        phase.begin_stopping()
        workers = list(self.wrks)
        super()._stop_workers()  # type: ignore[no-untyped-call]  # as above
        if any(worker.inner.exitcode for worker in workers):
            phase.cut_short()

    def _respawn_workers(self, workers: list[int], *arguments: Any, **named: Any) -> None:
        gone = [self.wrks[index].inner.pid for index in workers]
        super()._respawn_workers(workers, *arguments, **named)
        for pid in gone:
            multiprocess.forget(pid)


def worker_application(_target: str) -> WSGIApplication:
    """Make the application of one worker, which is a fork, or starts afresh from Python 3.14 on."""
    listening, told = os.pipe()
    os.set_blocking(told, False)
    signal.signal(signal.SIGTERM, _end)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    if lifecycle.is_stopping():  # the signal came before there was anybody to hear it
        raise SystemExit(0)
    application = startup.loaded()
    threading.Thread(
        target=_attend, args=(listening, os.getppid()), name="attending", daemon=True
    ).start()
    Finalize(None, lifecycle.tidy_up, exitpriority=1)
    auth.warm_keys()
    return answering(application)


def _attend(listening: int, master: int) -> None:
    """Wait for the end: in order, or because the master was killed; and cut what outlasts it."""
    while not _told_to_end(listening):
        if os.getppid() != master:
            os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(conf.current().SHUTDOWN_SECONDS)
    flights.cut(len(flights.in_flight()))
    lifecycle.tidy_up()
    os._exit(CUT_SHORT)


def _end(_number: int, _frame: Any) -> None:
    """End a worker that serves nobody yet; granian replaces this when it begins to serve."""
    raise SystemExit(0)


def _told_to_end(listening: int) -> bool:
    readable, _, _ = select.select([listening], [], [], _LOOK_SECONDS)
    heard = os.read(listening, 64) if readable else b""
    return not {signal.SIGTERM, signal.SIGINT}.isdisjoint(heard)
