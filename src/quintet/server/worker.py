"""The gunicorn worker: threads, an orderly end, and refusals in the shape of every other error."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

from gunicorn.glogging import Logger
from gunicorn.util import close_graceful

from quintet import context, lifecycle
from quintet.lifecycle import CUT_SHORT, recycling
from quintet.middleware import flights
from quintet.server.arbiter import END_OF_WORKER, WISH_OF_WORKER
from quintet.server.refusals import context_of, refusal_of, rendered
from quintet.server.scarcity import ScarceWorker
from quintet.telemetry import metrics

if TYPE_CHECKING:
    import socket
    from concurrent.futures import Future

SERVER_ERRORS = 500
SEND_TIMEOUT_SECONDS = 5


class ServiceLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Leaves formatting and output to the logging of the service: one shape for all lines."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True


class ServiceWorker(ScarceWorker):
    """A threaded worker that ends when its master says so, and leaves nobody without an answer."""

    def init_signals(self) -> None:
        """Listen to the master alone: Ctrl-C and a stopping unit of systemd reach every process.

        Nothing is ignored outright, since programs that a request starts would inherit that.
        """
        super().init_signals()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave_it_to_the_master)
            signal.siginterrupt(number, False)
        signal.signal(END_OF_WORKER, self.handle_exit)
        signal.siginterrupt(END_OF_WORKER, False)

    def init_process(self) -> None:
        """Offer to be replaced, now that this is the process that serves."""
        recycling.offer(self._ask_to_be_replaced)
        super().init_process()

    def _ask_to_be_replaced(self) -> None:
        os.write(self.tmp.fileno(), b"!")  # the file that the master looks at for signs of life
        os.kill(self.ppid, WISH_OF_WORKER)

    def run(self) -> None:
        """Serve; what is still unfinished at the end of the grace is logged and left."""
        if lifecycle.is_stopping():  # the signal came before there was anybody to hear it
            self.alive = False
        super().run()
        if self.nr_conns > 0:
            flights.cut(self.nr_conns)
            lifecycle.tidy_up()
            os._exit(CUT_SHORT)  # its threads never end by themselves

    def is_parent_alive(self) -> bool:
        """Finish what is in flight when the master was killed."""
        if not super().is_parent_alive():
            self.alive = False  # and never True: the signal to end may come at any moment
        return bool(self.alive)

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 - gunicorn's signature
        """At the end, take what already waits in the queue of the listener, and then close it.

        An open listener that nobody accepts from lets clients wait for a reset.
        """
        super().set_accept_enabled(enabled)
        if not self.alive and not enabled:
            for listener in self.sockets:
                self._accept_all(listener)
                listener.close()

    def _accept_all(self, listener: socket.socket) -> None:
        known = -1
        while known < self.nr_conns < self.worker_connections:
            known = self.nr_conns
            self.accept(listener)

    def _cap_keepalive(self, deadline: float) -> None:
        """Close idle connections: after a drain at once, else when their client had its chance."""
        if lifecycle.is_draining():
            deadline = time.monotonic()
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:  # those that never sent anything
            conn.timeout = min(conn.timeout, deadline)

    def handle(self, conn: Any) -> Any:
        """Close a finished connection here, and not in the thread that accepts new ones.

        gunicorn waits up to two seconds there for the client to close its side first.
        """
        try:
            kept = super().handle(conn)
        except SystemExit as error:  # of a view: it would end the worker, or the whole service
            self.handle_error(None, conn.sock, conn.client, error)
            kept = False
        if kept is False:
            close_graceful(conn.sock)
        return kept

    def finish_request(self, conn: Any, fs: Future[Any]) -> None:
        """Count a connection that ``handle`` has closed, or leave it to gunicorn."""
        if not fs.cancelled() and fs.exception() is None and fs.result() is False:
            self.nr_conns -= 1
        else:
            super().finish_request(conn, fs)

    def handle_quit(self, sig: int, frame: Any) -> None:  # noqa: ARG002 - gunicorn's signature
        """End at once; gunicorn would wait for its threads until it is killed."""
        if self.nr_conns > 0:
            flights.cut(self.nr_conns)
        os._exit(CUT_SHORT if self.nr_conns > 0 else 0)

    def handle_error(self, *arguments: Any) -> None:
        """Replace gunicorn's HTML by the envelope: of a request, its socket, its peer, an error."""
        _, client, addr, exc = arguments
        refusal = refusal_of(exc)
        with context.running(context_of(getattr(client, "heard", b""))) as running:
            if refusal.status >= SERVER_ERRORS:
                self.log.error("request failed in the server", exc_info=exc)
            else:
                peer = addr[0] if addr else "a local socket"
                kind = type(
                    exc
                ).__name__  # its text holds what was sent, a malformed cookie perhaps
                self.log.warning("request from %s refused with %d: %s", peer, refusal.status, kind)
            metrics.record_request(
                metrics.OTHER_METHOD, "<unmatched>", status=refusal.status, duration_seconds=0.0
            )
            self._send(client, rendered(refusal, running.correlation_id))

    def _send(self, client: socket.socket, response: bytes) -> None:
        try:
            client.settimeout(SEND_TIMEOUT_SECONDS)
            client.sendall(response)
        except OSError as error:
            self.log.debug("the refused client is gone: %s", error)


def _leave_it_to_the_master(_number: int, _frame: Any) -> None:
    pass
