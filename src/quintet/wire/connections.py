"""Connections on which every wait ends at the deadline of their exchange."""

from __future__ import annotations

import errno
import os
import re
import select
import socket
import ssl
import time
from contextvars import ContextVar
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any

from quintet.wire.interrupt import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable

    from quintet.wire.interrupt import Interrupt

# Gunicorn closes an idle connection after two seconds by default; a request that meets the closing
# is lost. A connection is given up a little earlier than the peer would.
IDLE_SECONDS_MAX = 1.5

ends_at: ContextVar[float] = ContextVar("quintet_wire_ends_at")
"""The instant of the monotonic clock at which the exchange of this thread is over."""


class _Answer(HTTPResponse):
    """Refuses an answer whose length can be read in two ways: the rest would be the next answer."""

    def begin(self) -> None:
        super().begin()
        lengths = set(self.headers.get_all("Content-Length", []))
        if len(lengths) > 1 or not all(re.fullmatch(r"[0-9]{1,18}", each) for each in lengths):
            raise HTTPException("an ambiguous length")


class Connection(HTTPConnection):
    """Connects within the deadline."""

    response_class = _Answer
    sock: Any
    _interrupt: Interrupt | None = None

    def obey(self, interrupt: Interrupt | None) -> None:
        """Be ended by ``interrupt`` and no longer by the one before."""
        if self._interrupt is not None:
            self._interrupt.watch(None)
        self._interrupt = interrupt
        if self.sock is not None:
            self._watched(self.sock)

    def connect(self) -> None:
        self.sock = _open(self.host, self.port, self._watched)

    def _watched(self, sock: socket.socket) -> None:
        if self._interrupt is not None:
            self._interrupt.watch(sock)

    @property
    def is_fresh(self) -> bool:
        """Whether it can carry another request: the peer keeps it, and has sent nothing more."""
        if time.monotonic() - self.sock.used_at > IDLE_SECONDS_MAX:
            return False
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return not poll.poll(0)


class TLSConnection(Connection):
    """The same, encrypted; who the peer is has to be proven."""

    default_port = 443

    def __init__(self, host: str, port: int, *, trust: ssl.SSLContext) -> None:
        super().__init__(host, port)
        self._trust = trust

    def connect(self) -> None:
        super().connect()
        self.sock = self._trust.wrap_socket(
            self.sock, server_hostname=self.host, do_handshake_on_connect=False
        )
        self._watched(self.sock)
        self.sock.settimeout(_remaining())
        self.sock.do_handshake()


class _Bounded(socket.socket):
    """A socket on which every wait ends at the deadline of the exchange."""

    used_at = 0.0

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_remaining())
        received = super().recv_into(*args, **kwargs)
        self.used_at = time.monotonic()
        return received


class _PlainSocket(_Bounded):
    """The same, to send over."""

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(_remaining())
        super().sendall(*args, **kwargs)


class TLSSocket(_Bounded, ssl.SSLSocket):
    """The same for an encrypted connection; ``sendall`` is made of ``send`` there."""

    def send(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_remaining())
        return super().send(*args, **kwargs)


def _remaining() -> float:
    left = ends_at.get() - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time of the exchange is over")
    return left


def _open(host: str, port: int, watch: Callable[[socket.socket], None]) -> socket.socket:
    """Connect to the first address that accepts; each has its share of the time that is left."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    refused: OSError = OSError(f"{host} has no address")
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = _PlainSocket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
            code = sock.connect_ex(address)
            watch(sock)  # once it connects: before, nothing that waits could be woken
            _await_connection(sock, code, _remaining() / (len(addresses) - tried))
        except OSError as error:
            sock.close()
            refused = error
        except Interrupted:
            sock.close()
            raise
        else:
            sock.used_at = time.monotonic()
            return sock
    raise refused


def _await_connection(sock: socket.socket, code: int, seconds: float) -> None:
    if code == errno.EINPROGRESS:
        poll = select.poll()
        poll.register(sock, select.POLLOUT)
        if not poll.poll(seconds * 1000):
            raise TimeoutError(f"no connection within {seconds:.2g} seconds")
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))
