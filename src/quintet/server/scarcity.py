"""A worker that has no file descriptor or thread to spare goes on with those that it has.

gunicorn takes an ``accept`` or a thread that fails for the end of the worker, and cuts everything
that is in flight; the worker that comes next finds the same.
"""

from __future__ import annotations

import errno
import os
import resource
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from quintet import context
from quintet.errors import UnavailableException
from quintet.server.client import Client
from quintet.server.hearing import HearingWorker
from quintet.server.refusals import Refusal, rendered
from quintet.telemetry import metrics

SPARE_FILES = 16
"""Left for what requests open themselves: connections to databases and services, files."""

_SCARCE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE_SECONDS = 0.01
_HEARD_BYTES = 65_536
_BUSY = 503


class Threads(ThreadPoolExecutor):
    """Works with the threads that there are when there can be no more."""

    _lacks_some = False

    def is_behind(self) -> bool:
        """Whether there should be more threads, and each of those there are has work waiting."""
        return self._lacks_some and self._work_queue.qsize() >= len(self._threads)

    def _adjust_thread_count(self) -> None:
        try:
            super()._adjust_thread_count()
        except RuntimeError:
            if not self._threads:
                raise  # nobody would ever do the work
            self._lacks_some = True
        else:
            self._lacks_some = False


class ScarceWorker(HearingWorker):
    """Keeps some descriptors back, and turns connections away that would take them: 503."""

    def init_process(self) -> None:
        """Put one descriptor aside, to be able to accept somebody and say no."""
        self._reserve = _nothing()
        super().init_process()

    def get_thread_pool(self) -> Threads:
        """Gunicorn's hook: the threads of this worker."""
        return Threads(max_workers=self.cfg.threads)

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection, or turn it away."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in _SCARCE:
                raise
            self._accept_to_refuse(listener)

    def enqueue_req(self, conn: Any) -> None:
        """Turn a connection away that took one of the last descriptors, or would wait too long."""
        is_new = not isinstance(conn.sock, Client)
        if (is_new and _is_spare(conn.sock.fileno())) or self.tpool.is_behind():
            self.nr_conns -= 1
            _refuse(conn.sock)
        else:
            super().enqueue_req(conn)

    def _accept_to_refuse(self, listener: socket.socket) -> None:
        """With the one that was put aside; the listener would not rest before it is emptied."""
        if self._reserve is None:
            time.sleep(_PAUSE_SECONDS)
            self._reserve = _nothing()
            return
        os.close(self._reserve)
        with suppress(OSError):
            _refuse(listener.accept()[0])
        self._reserve = _nothing()


def _is_spare(descriptor: int) -> bool:
    """The kernel gives the lowest number that is free, so this one says how many are taken."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return limit != resource.RLIM_INFINITY and descriptor >= limit - min(SPARE_FILES, limit // 4)


def _refuse(client: socket.socket) -> None:
    """Answer what has been asked, or will be, and hang up; nobody waits for this client."""
    busy = UnavailableException("The service is busy. Try again later.", 1)
    refusal = Refusal(status=_BUSY, reason="Service Unavailable", error=busy)
    metrics.record_request(metrics.OTHER_METHOD, "<unmatched>", status=_BUSY, duration_seconds=0.0)
    with client, suppress(OSError):
        client.setblocking(False)
        with suppress(BlockingIOError):
            client.recv(_HEARD_BYTES)  # what is unread when it is closed would reset the connection
        client.send(rendered(refusal, context.new().correlation_id))
        client.shutdown(socket.SHUT_WR)


def _nothing() -> int | None:
    with suppress(OSError):
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    return None
