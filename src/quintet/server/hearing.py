"""How a worker hears its clients out: to the end of what they announced, and not for ever.

gunicorn gives a connection to a thread with its first byte, and the thread waits for the rest. A
few dozen clients that send their requests slowly take all threads, and the service answers nobody.
Here the loop that accepts connections listens, and a thread gets a request that is all there, or
so much of it that the rest will come.
"""

from __future__ import annotations

import re
import select
import selectors
import socket
import time
from functools import partial
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from quintet.server.client import HEAD_SECONDS, Client, SlowRequest

AHEAD_BYTES = 32 * 1024
"""Of a head and a body together; what is larger is read by a thread, at a pace."""
DRAIN_SECONDS_MAX = 5
DRAIN_BYTES_MAX = 16 * 1024 * 1024

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*\r", re.IGNORECASE)
_EXPECTATION = re.compile(rb"\nexpect:", re.IGNORECASE)


class HearingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A threaded worker whose threads wait for a client only as long as there is patience."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hearing: dict[Any, float] = {}  # until when, the first to end comes first

    def enqueue_req(self, conn: Any) -> None:
        """Give a connection to a thread when there is enough of a request, and else listen."""
        if not isinstance(conn.sock, Client):
            conn.sock = Client.of(conn.sock)
            conn.init()
        conn.heard = conn.sock.heard = bytearray(conn.parser.unreader.take_buffered())
        if self._has_heard(conn):
            super().enqueue_req(conn)
        else:
            self._hearing[conn] = time.monotonic() + HEAD_SECONDS
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._hear_on, conn))

    def _hear_on(self, conn: Any, _client: Any) -> None:
        if self._has_heard(conn):
            del self._hearing[conn]
            self.poller.unregister(conn.sock)
            super().enqueue_req(conn)

    def _has_heard(self, conn: Any) -> bool:
        """Take what has come, and tell whether a thread can work on it, or on the end of it."""
        piece = conn.sock.take(AHEAD_BYTES)
        conn.heard += piece or b""
        if piece != b"" and not is_enough(conn.heard):
            return False
        conn.parser.unreader.unread(bytes(conn.heard))
        return True

    def murder_pending(self) -> None:
        """Give up on those who have not said enough in time."""
        super().murder_pending()
        now = time.monotonic()
        while self._hearing:
            conn, ends_at = next(iter(self._hearing.items()))
            if ends_at > now:
                return
            del self._hearing[conn]
            self.poller.unregister(conn.sock)
            self.nr_conns -= 1
            if conn.heard and _is_writable(conn.sock):
                self.handle_error(None, conn.sock, conn.client, SlowRequest())
            conn.close()

    def _cap_keepalive(self, deadline: float) -> None:
        """Wait no longer than that for connections on which nothing was ever said."""
        super()._cap_keepalive(deadline)
        capped = {
            conn: ends_at if conn.heard else min(ends_at, deadline)
            for conn, ends_at in self._hearing.items()
        }
        self._hearing = dict(sorted(capped.items(), key=lambda pair: pair[1]))

    def handle(self, conn: Any) -> Any:
        """Serve one request of a connection."""
        conn.sock.await_head()
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer one request."""
        conn.sock.await_answer()
        try:
            return super().handle_request(req, conn)
        finally:
            conn.sock.flush()

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


def is_enough(heard: bytearray) -> bool:
    """Tell whether there is a head and, as far as it is heard ahead, its body."""
    end = heard.find(_END)
    if end < 0 or len(heard) >= AHEAD_BYTES:
        return len(heard) >= AHEAD_BYTES
    announced = _LENGTH.search(heard, 0, end + len(_END))
    if announced is None or _EXPECTATION.search(heard, 0, end):
        return True
    return len(heard) >= min(end + len(_END) + int(announced[1]), AHEAD_BYTES)


def _is_writable(client: socket.socket) -> bool:
    """Tell whether a refusal fits into what the client has not read yet: this loop cannot wait."""
    poll = select.poll()
    poll.register(client, select.POLLOUT)
    return bool(poll.poll(0))
