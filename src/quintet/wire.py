"""One HTTP exchange that always ends: bounded in time, in size and in where it goes.

The standard library and urllib3 apply a timeout to every single read, so a peer that sends one byte
per second holds a thread for ever. Here one deadline covers the whole exchange: connecting, the
handshake, sending, and every byte of the head and the body. Redirects are not followed, compressed
bodies are refused, proxies of the environment are ignored, and the body is cut off at a cap.

Connections are pooled per origin and per process; a forked child starts with empty pools.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError
from urllib3.exceptions import SSLError as TLSError

from quintet.errors import (
    DeadlineException,
    ExternalServiceException,
    ServiceException,
    UnavailableException,
)
from quintet.settings.masking import mask_url

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    token = _ends_at.set(time.monotonic() + request.timeout_seconds)
    try:
        return _read(request, _send(request), bytes_max)
    finally:
        _ends_at.reset(token)


@lru_cache(maxsize=256)
def address(base_url: str) -> Address:
    """Read a base URL; ``ValueError`` when it is anything but scheme, host, port and prefix."""
    parts = urllib3.util.parse_url(base_url)
    if parts.scheme not in {"http", "https"} or not parts.host:
        raise ValueError(f"{mask_url(base_url)!r} is not an http or https URL with a host.")
    if parts.auth or parts.query is not None or parts.fragment is not None:
        raise ValueError(f"The URL of {parts.host} carries userinfo, a query or a fragment.")
    return Address(
        scheme=parts.scheme,
        host=parts.host,
        port=parts.port or (443 if parts.scheme == "https" else 80),
        prefix=(parts.path or "").rstrip("/"),
    )


def _send(request: Request) -> urllib3.BaseHTTPResponse:
    peer = address(request.base_url)
    try:
        return _pools.get(peer).urlopen(
            request.method,
            peer.prefix + request.target,
            body=request.body,
            headers={"Accept-Encoding": "identity", **request.headers},
            timeout=request.timeout_seconds,
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
    except (HTTPError, OSError) as error:
        raise _unanswered(request, error) from error


def _read(request: Request, response: urllib3.BaseHTTPResponse, bytes_max: int) -> Response:
    try:
        _judge_head(request, response)
        body = _body(request, response, bytes_max)
    except ReadTimeoutError as error:
        raise _late(request) from error
    except HTTPError as error:
        raise _unusable(request, "broke off its answer") from error
    except BaseException:
        response.close()  # what was not read must not reach the next user of the connection
        raise
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Response(status=response.status, headers=headers, body=body)


def _judge_head(request: Request, response: urllib3.BaseHTTPResponse) -> None:
    if response.status < _NOT_FINAL:
        # http.client takes 101 and 103 for the answer; the real one would answer the next request.
        raise _unusable(request, "sent an interim answer", response.status)
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise _unusable(request, "compressed its answer, which was not asked for", response.status)


def _body(request: Request, response: urllib3.BaseHTTPResponse, bytes_max: int) -> bytes:
    body = bytearray()
    while chunk := response.read(_CHUNK_BYTES, decode_content=False):
        body += chunk
        if len(body) > bytes_max:
            raise _unusable(request, f"answered with more than {bytes_max} bytes", response.status)
    return bytes(body)


def _unanswered(request: Request, error: Exception) -> ServiceException:
    """Say why there is no answer: too late, nobody there, or something that is no HTTP."""
    cause = error.args[-1] if isinstance(error, ProtocolError) else error
    if isinstance(cause, TimeoutError | ReadTimeoutError):
        return _late(request)
    if isinstance(cause, OSError | TLSError):
        return UnavailableException(f"{request.service} cannot be reached.")
    return _unusable(request, "does not speak HTTP")


def _late(request: Request) -> DeadlineException:
    return DeadlineException(
        f"{request.service} did not answer within {request.timeout_seconds:g} seconds."
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


class _Connecting:
    """Connects within the deadline, and gives up a connection that was idle for too long."""

    sock: Any
    host: str
    port: int
    _dns_host: str

    def _new_conn(self) -> socket.socket:
        return _open(self._dns_host, self.port)

    @property
    def is_connected(self) -> bool:
        """Whether the pooled connection can carry another request."""
        sock = self.sock
        if sock is None or time.monotonic() - sock.used_at > IDLE_SECONDS_MAX:
            return False
        return not urllib3.util.wait_for_read(sock, timeout=0.0)


class _PlainConnection(_Connecting, HTTPConnection):
    response_class = _Answer


class _TLSConnection(_Connecting, HTTPSConnection):
    response_class = _Answer


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TLSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


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
    """The pools of this process, one per origin."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pools: dict[tuple[str, str, int], urllib3.HTTPConnectionPool] = {}

    def get(self, peer: Address) -> urllib3.HTTPConnectionPool:
        key = (peer.scheme, peer.host, peer.port)
        pool = self._pools.get(key)
        if pool is None:
            with self._lock:
                pool = self._pools.setdefault(key, _new_pool(peer))
        return pool


def _new_pool(peer: Address) -> urllib3.HTTPConnectionPool:
    if peer.scheme == "http":
        return _PlainPool(peer.host, peer.port, maxsize=CONNECTIONS_KEPT)
    trust = ssl.create_default_context()
    trust.sslsocket_class = _TLSSocket
    return _TLSPool(peer.host, peer.port, maxsize=CONNECTIONS_KEPT, ssl_context=trust)


_pools = _Pools()


def forget_connections() -> None:
    """Start with empty pools: a forked child must never write into its parent's connections."""
    global _pools  # noqa: PLW0603 - the one reference that a fork replaces
    _pools = _Pools()


os.register_at_fork(after_in_child=forget_connections)
