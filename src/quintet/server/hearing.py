"""How a worker hears its clients out: to the end of what they announced, and not for ever."""

from __future__ import annotations

import socket
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from quintet.server.client import Client

DRAIN_SECONDS_MAX = 5
DRAIN_BYTES_MAX = 16 * 1024 * 1024


class HearingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A threaded worker whose threads wait for a client only as long as there is patience."""

    def enqueue_req(self, conn: Any) -> None:
        """Give the connection a socket that has patience, before a thread reads from it."""
        if not isinstance(conn.sock, Client):
            conn.sock = Client.of(conn.sock)
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Serve one request of a connection."""
        conn.sock.await_head()
        return super().handle(conn)

    def _keepalive_after(self, conn: Any, keepalive: Any) -> bool:
        """Hear out what a refused request still sends, within bounds (RFC 9112, section 9.6).

        gunicorn closes after 64 KiB. The kernel then resets the connection, and a client that is
        still sending may lose the answer; a proxy reports a service that is down.
        """
        if conn.parser.mesg.is_awaited:
            return False  # it was not asked for, and may never come
        if not keepalive:
            conn.sock.shutdown(socket.SHUT_WR)
        conn.sock.await_rest(DRAIN_SECONDS_MAX)
        ends_at = time.monotonic() + DRAIN_SECONDS_MAX
        heard = conn.parser.finish_body(deadline=ends_at, max_bytes=DRAIN_BYTES_MAX)
        return bool(keepalive and heard)
