"""The gunicorn worker: threads, and refusals in the shape of every other error."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from quintet import context
from quintet.server.refusals import refusal_of, rendered
from quintet.telemetry import metrics

if TYPE_CHECKING:
    import socket

SERVER_ERRORS = 500
SEND_TIMEOUT_SECONDS = 5
DRAIN_SECONDS_MAX = 5
DRAIN_BYTES_MAX = 16 * 1024 * 1024


class ServiceLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Leaves formatting and output to the logging of the service: one shape for all lines."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True


class ServiceWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A threaded worker that answers what never reaches the application."""

    def handle_error(self, *arguments: Any) -> None:
        """Replace gunicorn's HTML by the envelope: of a request, its socket, its peer, an error."""
        _, client, addr, exc = arguments
        refusal = refusal_of(exc)
        with context.running(context.new()) as running:
            if refusal.status >= SERVER_ERRORS:
                self.log.error("request failed in the server", exc_info=exc)
            else:
                peer = addr[0] if addr else "a local socket"
                self.log.warning("request from %s refused with %d: %s", peer, refusal.status, exc)
            metrics.record_request(
                metrics.OTHER_METHOD, "<unmatched>", status=refusal.status, duration_seconds=0.0
            )
            self._send(client, rendered(refusal, running.correlation_id))

    def _keepalive_after(self, conn: Any, keepalive: Any) -> bool:
        """Hear out what a refused request still sends, within bounds (RFC 9112, section 9.6).

        gunicorn closes after 64 KiB. The kernel then resets the connection, and a proxy that is
        still sending may lose the answer and report a service that is down.
        """
        ends_at = time.monotonic() + DRAIN_SECONDS_MAX
        return bool(
            keepalive and conn.parser.finish_body(deadline=ends_at, max_bytes=DRAIN_BYTES_MAX)
        )

    def _send(self, client: socket.socket, response: bytes) -> None:
        try:
            client.settimeout(SEND_TIMEOUT_SECONDS)
            client.sendall(response)
        except OSError as error:
            self.log.debug("the refused client is gone: %s", error)
