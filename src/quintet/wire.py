"""One HTTP exchange that always ends: bounded in time, in size and in where it goes.

The standard library applies a timeout to every single read, so a peer that sends one byte per
second holds a thread for ever. Here one deadline covers the whole exchange: connecting, the
handshake, sending, and every byte of the head and the body. Redirects are not followed, compressed
bodies are refused, proxies of the environment are ignored, and the body is cut off at a cap.

Connections are pooled per origin and per process; a forked child starts with empty pools.
"""

from __future__ import annotations

import os
import re
import select
import socket
import ssl
import time
from collections import deque
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from quintet.errors import (
    DeadlineException,
    ExternalServiceException,
    UnavailableException,
)
from quintet.settings.masking import mask_url

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_RETRY_HEADER = "x-no-retry"
"""Says of a failure that it comes from further away, where it was tried again already: a retry in
each of three layers would be twenty-seven calls. No standard has a name for it."""

RESPONSE_BYTES_MAX = 10 * 1024 * 1024
CONNECTIONS_KEPT = 32
# Gunicorn closes an idle connection after two seconds by default; a request that meets the closing
# is lost. A connection is given up a little earlier than the peer would.
IDLE_SECONDS_MAX = 1.5

_CHUNK_BYTES = 64 * 1024
_NOT_FINAL = 200
_ends_at: ContextVar[float] = ContextVar("quintet_wire_ends_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What goes out: ``target`` is the path and query, sent to ``base_url`` and nowhere else."""

    service: str
    method: str
    base_url: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timeout_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What came back: header names in lower case, the body as it was sent."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a base URL points: an origin, and what stands before every path."""

    scheme: str
    host: str
    port: int
    prefix: str


def exchange(request: Request, *, bytes_max: int = RESPONSE_BYTES_MAX) -> Response:
    """Send the request and read the whole answer before its time is over.

    Raises:
        UnavailableException: the peer could not be reached or hung up without an answer.
        DeadlineException: the time was over before the last byte had arrived.
        ExternalServiceException: the answer is of no use: no HTTP, cut off, compressed, too large.
    """
    if request.timeout_seconds <= 0:
        raise _late(request)
    if not request.target.startswith("/"):
        raise _unusable(request, "was not asked for what is no path of its own")
    token = _ends_at.set(time.monotonic() + request.timeout_seconds)
    peer = address(request.base_url)
    connection = _pools.take(peer)
    try:
        with _send(request, peer, connection) as received:
            response = _read(request, received, bytes_max)
    except BaseException:
        connection.close()  # what was not read must not reach its next user
        raise
    finally:
        _ends_at.reset(token)
    _pools.put(peer, connection)
    return response


@lru_cache(maxsize=256)
def address(base_url: str) -> Address:
    """Read a base URL; ``ValueError`` when it is anything but scheme, host, port and prefix."""
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{mask_url(base_url)!r} is not an http or https URL with a host.")
    if "@" in parts.netloc or set(base_url) & set("?#"):
        raise ValueError(f"The URL of {parts.hostname} carries userinfo, a query or a fragment.")
    return Address(
        scheme=parts.scheme,
        host=parts.hostname,
        port=parts.port or (443 if parts.scheme == "https" else 80),
        prefix=parts.path.rstrip("/"),
    )


def _send(request: Request, peer: Address, connection: HTTPConnection) -> HTTPResponse:
    try:
        connection.request(
            request.method, peer.prefix + request.target, request.body, dict(request.headers)
        )
        return connection.getresponse()
    except TimeoutError as error:
        raise _late(request) from error
    except OSError as error:
        raise UnavailableException(f"{request.service} cannot be reached.") from error
    except HTTPException as error:
        raise _unusable(request, "does not speak HTTP") from error


def _read(request: Request, response: HTTPResponse, bytes_max: int) -> Response:
    _judge_head(request, response)
    try:
        body = _body(request, response, bytes_max)
    except TimeoutError as error:
        raise _late(request) from error
    except (OSError, HTTPException) as error:
        raise _unusable(request, "broke off its answer") from error
    return Response(status=response.status, headers=_headers(response), body=body)


def _judge_head(request: Request, response: HTTPResponse) -> None:
    if response.status < _NOT_FINAL:
        # http.client takes 101 and 103 for the answer; the real one would answer the next request.
        raise _unusable(request, "sent an interim answer", response.status)
    if (response.headers["Content-Encoding"] or "identity").strip().lower() != "identity":
        raise _unusable(request, "compressed its answer, which was not asked for", response.status)


def _body(request: Request, response: HTTPResponse, bytes_max: int) -> bytes:
    body = bytearray()
    while chunk := response.read(_CHUNK_BYTES):
        body += chunk
        if len(body) > bytes_max:
            raise _unusable(request, f"answered with more than {bytes_max} bytes", response.status)
    if response.length:
        raise _unusable(request, "broke off its answer", response.status)
    return bytes(body)


def _headers(response: HTTPResponse) -> dict[str, str]:
    """The names in lower case; what is there twice is joined (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def _late(request: Request) -> DeadlineException:
    return DeadlineException(
        f"{request.service} did not answer within {request.timeout_seconds:.2g} seconds."
    )


def _unusable(request: Request, why: str, status: int | None = None) -> ExternalServiceException:
    return ExternalServiceException(
        f"{request.service} {why}.", service_name=request.service, status_code=status
    )


class _Answer(HTTPResponse):
    """Refuses an answer whose length can be read in two ways: the rest would be the next answer."""

    def begin(self) -> None:
        super().begin()
        lengths = set(self.headers.get_all("Content-Length", []))
        if len(lengths) > 1 or not all(re.fullmatch(r"[0-9]{1,18}", each) for each in lengths):
            raise HTTPException("an ambiguous length")


class _Connection(HTTPConnection):
    """Connects within the deadline."""

    response_class = _Answer
    sock: Any

    def connect(self) -> None:
        self.sock = _open(self.host, self.port)

    @property
    def is_fresh(self) -> bool:
        """Whether it can carry another request: the peer keeps it, and has sent nothing more."""
        if time.monotonic() - self.sock.used_at > IDLE_SECONDS_MAX:
            return False
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return not poll.poll(0)


class _TLSConnection(_Connection):
    """The same, encrypted; who the peer is has to be proven."""

    default_port = 443

    def __init__(self, host: str, port: int, *, trust: ssl.SSLContext) -> None:
        super().__init__(host, port)
        self._trust = trust

    def connect(self) -> None:
        super().connect()
        self.sock = self._trust.wrap_socket(self.sock, server_hostname=self.host)


class _PlainSocket(socket.socket):
    """A socket on which every wait ends at the deadline of the exchange."""

    used_at = 0.0

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_remaining())
        received = super().recv_into(*args, **kwargs)
        self.used_at = time.monotonic()
        return received

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(_remaining())
        super().sendall(*args, **kwargs)


class _TLSSocket(ssl.SSLSocket):
    """The same for an encrypted connection; ``sendall`` is made of ``send`` there."""

    used_at = 0.0

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_remaining())
        received = super().recv_into(*args, **kwargs)
        self.used_at = time.monotonic()
        return received

    def send(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_remaining())
        return super().send(*args, **kwargs)


def _remaining() -> float:
    left = _ends_at.get() - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time of the exchange is over")
    return left


def _open(host: str, port: int) -> socket.socket:
    """Connect to the first address that accepts; each has its share of the time that is left."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    refused: OSError = OSError(f"{host} has no address")
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = _PlainSocket(family, kind, protocol)
        try:
            sock.settimeout(_remaining() / (len(addresses) - tried))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect(address)
        except OSError as error:
            sock.close()
            refused = error
        else:
            sock.used_at = time.monotonic()
            return sock
    raise refused


class _Pools:
    """The idle connections of this process, by origin; the one that was used last goes first.

    Taking from a deque and adding to it are atomic, so no lock is needed.
    """

    def __init__(self) -> None:
        self._idle: dict[tuple[str, str, int], deque[_Connection]] = {}
        self._trust: ssl.SSLContext | None = None

    def take(self, peer: Address) -> _Connection:
        """A connection that is open, or one that opens with its first request."""
        idle = self._idle.get((peer.scheme, peer.host, peer.port), ())
        while idle:
            try:
                connection = idle.pop()
            except IndexError:  # another thread was faster
                break
            if connection.is_fresh:
                return connection
            connection.close()
        if peer.scheme == "http":
            return _Connection(peer.host, peer.port)
        return _TLSConnection(peer.host, peer.port, trust=self._trusted())

    def put(self, peer: Address, connection: _Connection) -> None:
        """Keep a connection that its peer keeps as well, unless there are enough."""
        if connection.sock is None:
            return
        key = (peer.scheme, peer.host, peer.port)
        idle = self._idle.get(key) or self._idle.setdefault(key, deque())
        if len(idle) < CONNECTIONS_KEPT:
            idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close what is idle; it is not shut down, since a parent of this process may go on."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()

    def _trusted(self) -> ssl.SSLContext:
        if self._trust is None:
            trust = ssl.create_default_context()
            trust.sslsocket_class = _TLSSocket
            self._trust = trust
        return self._trust


_pools = _Pools()


def forget_connections() -> None:
    """Start with empty pools: a forked child must never write into its parent's connections."""
    global _pools  # the one reference that a fork replaces
    before, _pools = _pools, _Pools()
    before.close()


os.register_at_fork(after_in_child=forget_connections)
