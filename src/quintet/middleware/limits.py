"""Refuse what is not meant for this service or too much for it, before anything reads it."""

from __future__ import annotations

from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, cast

from django.core.exceptions import DisallowedHost

from quintet import conf
from quintet.errors import ServiceException, TooLargeException, ValidationException
from quintet.middleware.doors import TwoDoors
from quintet.middleware.network import PROBES
from quintet.views.errors import envelope_response

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_LENGTH_REQUIRED = 411


class LimitsMiddleware(TwoDoors):
    """Checks the Host header and the size of the body, whether it is announced or chunked.

    A chunked body is read up to ``MAX_REQUEST_BYTES`` and handed on with its length: DRF believes
    that a body without a length is empty, and would answer to half a request.
    """

    def refuse(self, request: HttpRequest) -> HttpResponseBase | None:
        """Answer 400, 411 or 413 in place of the view."""
        try:
            if request.path not in PROBES:
                request.get_host()
            _bound(request, conf.current().MAX_REQUEST_BYTES)
        except DisallowedHost:
            return envelope_response(
                request, ValidationException("This service does not answer to that host name.")
            )
        except _LengthRequiredException as error:
            return envelope_response(request, error, status=_LENGTH_REQUIRED)
        except ServiceException as error:
            return envelope_response(request, error)
        return None


class _LengthRequiredException(ServiceException):
    default_code = "API_ERROR"


def _bound(request: HttpRequest, limit: int) -> None:
    announced = request.META.get("CONTENT_LENGTH") or None
    received = getattr(request, "_stream", None)
    if "wsgi.input" not in request.META and received is not None and received.seekable():
        _measure(request, received, limit=limit)
    elif "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        _unchunk(request, limit)
    elif announced is not None and _length(announced) > limit:
        raise _too_large(limit)


def _length(announced: str) -> float:
    if not (announced.isascii() and announced.isdigit()):
        raise ValidationException("The Content-Length header is not a number.")
    return float(announced)  # int() refuses thousands of digits


def _unchunk(request: HttpRequest, limit: int) -> None:
    if not request.META.get("wsgi.input_terminated"):
        raise _LengthRequiredException("Send the length of the body; it cannot be chunked here.")
    try:
        body = request.META["wsgi.input"].read(limit + 1)
    except OSError as error:
        raise ValidationException("The body ended before it was complete.") from error
    if len(body) > limit:
        raise _too_large(limit)
    _replay(request, BytesIO(body), len(body))


def _measure(request: HttpRequest, body: IO[bytes], *, limit: int) -> None:
    """Under ASGI, Django has put the whole body into a file by now."""
    size = body.seek(0, 2)
    body.seek(0)
    if size > limit:
        raise _too_large(limit)
    _replay(request, body, size)


def _replay(request: HttpRequest, body: Any, size: int) -> None:
    cast("Any", request)._stream = body  # noqa: SLF001 - Django has no public way to replace a body
    request.META["CONTENT_LENGTH"] = str(size)


def _too_large(limit: int) -> TooLargeException:
    return TooLargeException(f"The body is larger than {limit} bytes.", limit)
