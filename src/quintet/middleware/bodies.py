"""The body of a request, bounded: announced, in chunks, or counted behind an async server.

DRF believes that a body without a length is empty, and would answer to half a request. So a body
in chunks is put together first, in memory as long as it is small and in a file after that, and
handed on with its length.
"""

from __future__ import annotations

import tempfile
from typing import IO, TYPE_CHECKING, Any, cast

from django.http import UnreadablePostError

from quintet.errors import TooLargeException, ValidationException
from quintet.middleware.asgi import LATE, OVERSIZE
from quintet.views.bodies import harmless, limit_for
from quintet.views.translation import StatusException

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest

PIECE_BYTES = 64 * 1024
IN_MEMORY_BYTES = 1024 * 1024
KEPT = "_quintet_body"
"""Where a request holds the file that its chunks were put into, until somebody closes it."""

_LENGTH_REQUIRED = 411


def bound(request: HttpRequest) -> None:
    """Raise what is wrong with the body of ``request``, or leave it so that it can be read."""
    announced = request.META.get("CONTENT_LENGTH")
    if announced:
        _judge(request, _length(announced))
    scope = getattr(request, "scope", None)
    if scope is not None:
        _measure(request, scope)
    elif "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        _unchunk(request, _limit(request))


def _judge(request: HttpRequest, size: float) -> None:
    if size > harmless(getattr(request, "urlconf", None)) and size > (limit := _limit(request)):
        raise _too_large(limit)


def _limit(request: HttpRequest) -> int:
    return limit_for(request.path_info, request.method, getattr(request, "urlconf", None))


def _length(announced: str) -> float:
    if not (announced.isascii() and announced.isdigit()):
        raise ValidationException("The Content-Length header is not a number.")
    return float(announced)  # int() refuses thousands of digits


def _unchunk(request: HttpRequest, limit: int) -> None:
    if not request.META.get("wsgi.input_terminated"):
        raise StatusException(
            "Send the length of the body; it cannot be chunked here.", _LENGTH_REQUIRED
        )
    kept = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - read by the view
    try:
        for piece in _pieces(request.META["wsgi.input"], limit):
            kept.write(piece)
    except BaseException:
        kept.close()
        raise
    request.__dict__[KEPT] = kept
    _replay(request, kept)


def _pieces(source: IO[bytes], limit: int) -> Iterator[bytes]:
    left = limit
    while piece := _piece(source, min(left + 1, PIECE_BYTES)):
        left -= len(piece)
        if left < 0:
            raise _too_large(limit)
        yield piece


def _piece(source: IO[bytes], size: int) -> bytes:
    try:
        return source.read(size)
    except OSError as error:
        raise UnreadablePostError(*error.args) from error


def _measure(request: HttpRequest, scope: dict[str, Any]) -> None:
    """Under ASGI, Django has put the whole body into a file by now, or what was left of it."""
    if OVERSIZE in scope:
        raise _too_large(scope[OVERSIZE])
    if LATE in scope:
        raise UnreadablePostError from TimeoutError()
    body = cast("Any", request)._stream  # noqa: SLF001 - Django has no public way to a body
    if body.seekable():
        _judge(request, body.seek(0, 2))
        _replay(request, body)


def _replay(request: HttpRequest, body: IO[bytes]) -> None:
    request.META["CONTENT_LENGTH"] = str(body.tell())
    body.seek(0)
    cast("Any", request)._stream = body  # noqa: SLF001 - as above, to replace it


def _too_large(limit: int) -> TooLargeException:
    return TooLargeException(f"The body is larger than {limit} bytes.", limit)
