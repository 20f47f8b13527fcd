"""One exchange from its first byte to its last."""

from __future__ import annotations

import time
from http.client import HTTPConnection, HTTPException, HTTPResponse

from quintet.errors import (
    DeadlineException,
    ExternalServiceException,
    UnavailableException,
)
from quintet.wire.connections import ends_at
from quintet.wire.interrupt import Interrupted
from quintet.wire.messages import Address, Request, Response, address
from quintet.wire.pools import pools

RESPONSE_BYTES_MAX = 10 * 1024 * 1024

_CHUNK_BYTES = 64 * 1024
_NOT_FINAL = 200


def exchange(request: Request, *, bytes_max: int = RESPONSE_BYTES_MAX) -> Response:
    """Send the request and read the whole answer before its time is over.

    Raises:
        UnavailableException: the peer could not be reached or hung up without an answer.
        DeadlineException: the time was over before the last byte had arrived.
        ExternalServiceException: the answer is of no use: no HTTP, cut off, compressed, too large.
        Interrupted: another thread has set the request's ``interrupt``.
    """
    if request.timeout_seconds <= 0:
        raise _late(request)
    if not request.target.startswith("/"):
        raise _unusable(request, "was not asked for what is no path of its own")
    token = ends_at.set(time.monotonic() + request.timeout_seconds)
    peer, idle = address(request.base_url), pools()
    connection = idle.take(peer)
    try:
        connection.obey(request.interrupt)
        with _send(request, peer, connection) as received:
            response = _read(request, received, bytes_max)
        connection.obey(None)
    except BaseException as error:
        connection.close()  # what was not read must not reach its next user
        if request.interrupt is not None and request.interrupt.is_set:
            raise Interrupted from error
        raise
    finally:
        ends_at.reset(token)
    idle.put(peer, connection)
    return response


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
