"""The socket of a client, on which nothing waits for ever.

gunicorn reads and writes on blocking sockets, so that a client that sends nothing, or one byte now
and then, or does not read its answer, keeps a thread. Here it keeps a thread as long as somebody
has patience: a head has to be complete in time, a body and an answer have to keep a pace. A body is
not waited for beyond the deadline of its request either.
"""

from __future__ import annotations

import errno
import math
import socket
import time
from typing import TYPE_CHECKING, Any, Self

from gunicorn.http.errors import ParseException

from quintet.resilience import deadline
from quintet.resilience.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD_SECONDS = 10.0
MOMENT_SECONDS = 0.001
"""What has arrived already is taken even when patience is at its end."""
PIECE_BYTES = 64 * 1024


class SlowRequest(ParseException):  # type: ignore[misc]  # gunicorn has no types
    """A request did not arrive in time, or not so much of it that it could be worked on."""

    def __str__(self) -> str:
        return "the request did not arrive in time"


class SlowBody(TimeoutError):
    """The body of a request did not arrive in time."""


class Client(socket.socket):
    """A connection that was accepted; it says for itself what it is waiting for.

    gunicorn sends the head and the body of an answer apart, and so wakes the client twice.
    """

    __slots__ = ("_held", "_late", "_patience", "heard")

    heard: bytes | bytearray
    """What has come of the request so far, or the beginning of it."""

    _held: bytes | None
    _patience: Patience | None
    _late: Callable[[], Exception]

    @classmethod
    def of(cls, accepted: socket.socket) -> Self:
        """Take over what was accepted."""
        timeout = accepted.gettimeout()
        made = cls(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        made.settimeout(timeout)
        made._patience, made._held, made.heard = None, None, b""
        return made

    def await_head(self) -> None:
        """From now on, what is read is the head of a request, which is too small to have a pace."""
        self._patience, self._late = Patience(HEAD_SECONDS, pace=math.inf), SlowRequest

    def await_body(self) -> None:
        """From now on, what is read is a body."""
        self._patience, self._late = Patience(), SlowBody

    def await_rest(self, seconds: float) -> None:
        """From now on, what is read is what is left of a body that nobody wants any more."""
        self._patience, self._late = Patience(seconds, pace=math.inf), SlowBody

    def has_sent_more(self) -> bool:
        """Tell whether something waits to be read, and leave it there."""
        self.setblocking(False)
        try:
            return bool(super().recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def shutdown(self, how: int) -> None:
        """Say that no more is sent; who lingers after that has a time-out of its own."""
        self._patience = None
        super().shutdown(how)

    def take(self, size: int) -> bytes | None:
        """Receive what is there, without waiting; nothing at the end, ``None`` before it."""
        self.setblocking(False)
        try:
            return super().recv(size)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Receive, for as long as there is patience."""
        patience = self._patience
        if patience is None:
            return super().recv(size, flags)
        self.settimeout(max(deadline.bounded(patience.seconds), MOMENT_SECONDS))
        began = time.monotonic()
        try:
            received = super().recv(size, flags)
        except TimeoutError:
            raise self._late() from None
        patience.account(time.monotonic() - began, len(received))
        return received

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all of it to a client that takes it at the pace of a body, or else is gone."""
        if self._held is not None:
            if not self._held and _announces_body(data):
                self._held = data
                return
            data, self._held = self._held + data, None
        try:
            sent = self.send(data, flags | socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._send_patiently(memoryview(data)[sent:], flags)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send a file after its head."""
        self.flush()
        return super().sendfile(file, offset, count)

    def await_answer(self) -> None:
        """Let the head of the answer that comes now wait for its body: one piece on the wire."""
        self._held = b""

    def flush(self) -> None:
        """Send a head that no body has come after."""
        held, self._held = self._held, None
        if held:
            self.sendall(held)

    def _send_patiently(self, left: memoryview, flags: int) -> None:
        patience = Patience()
        while left:
            self.settimeout(max(patience.seconds, MOMENT_SECONDS))
            began = time.monotonic()
            try:
                sent = self.send(left[:PIECE_BYTES], flags)
            except TimeoutError:
                raise BrokenPipeError(errno.EPIPE, "the client does not read its answer") from None
            patience.account(time.monotonic() - began, sent)
            left = left[sent:]


def _announces_body(head: bytes) -> bool:
    """Whether a body of a known length comes at once; a stream may take its time."""
    return b"\r\nContent-Length: " in head and b"\r\nContent-Length: 0\r\n" not in head
