"""From an error to an answer: one table of statuses, one envelope, RFC 9457 on request."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from django.core.signals import got_request_exception
from django.http import HttpResponse
from rest_framework import exceptions as drf
from rest_framework.views import set_rollback

from quintet import conf, context, errors, wire
from quintet.auth import TokenRefused
from quintet.errors import Kind, ServiceException
from quintet.telemetry import confidence, traces
from quintet.telemetry.logs import get_logger
from quintet.telemetry.redaction import redact
from quintet.views.negotiation import PROBLEM, wants_problem
from quintet.views.phrases import phrase_of
from quintet.views.throttling import FIGURES, count_failed
from quintet.views.translation import GENERAL, INVALID, StatusException, is_outage, translate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from rest_framework.request import Request

STATUS: dict[Kind, int] = {
    Kind.SERVICE: 400,
    Kind.INVALID: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.METHOD: 405,
    Kind.CONFLICT: 409,
    Kind.TOO_LARGE: 413,
    Kind.RULE: 422,
    Kind.RATE: 429,
    Kind.INTERNAL: 500,
    Kind.EXTERNAL: 502,
    Kind.UNAVAILABLE: 503,
    Kind.DEADLINE: 504,
}
"""The one place where a kind of error meets a status."""

_KINDS = {status: kind for kind, status in STATUS.items() if kind is not Kind.SERVICE}
_FIRST_SERVER_ERROR = 500

log = get_logger("quintet.errors")


def exception_handler(exc: Exception, handling: dict[str, Any]) -> HttpResponseBase:
    """Answer for a view of DRF; named by ``EXCEPTION_HANDLER``. Leaves no error to anybody else."""
    set_rollback()
    view: Any = handling.get("view")
    request: Request = handling["request"]
    getattr(view, "headers", {}).pop("Allow", None)  # DRF would write its own over ours
    error = count_failed(_method_first(exc, view, request), view, request)
    return envelope_response(
        request._request,  # noqa: SLF001 - DRF names no other way to Django's request
        error,
        allowed=_offered(view),
    )


def envelope_response(
    request: HttpRequest,
    exc: BaseException,
    *,
    status: int | None = None,
    allowed: Any = (),
    logged: bool = False,
) -> HttpResponse:
    """Answer with ``exc`` in the envelope, or as a problem when the Accept header prefers that.

    The status follows from the kind of the error unless one is given. An error that nobody
    expected is logged with its traceback and announced by Django's ``got_request_exception``,
    unless ``logged``.
    """
    error = translate(exc, allowed=allowed)
    code = status or status_of(error)
    if code >= _FIRST_SERVER_ERROR and exc.__traceback__ is not None:
        traces.current().fail(error=exc)
    if not logged:
        _report(request, exc, status=code)
    request.__dict__["error_code"] = error.error_code
    response = _written(request, envelope_of(request, error), status=code)
    headers = _headers(error, status=code) | request.__dict__.get(FIGURES, {})
    for name, value in headers.items():
        response[name] = value
    return settle(response)


def envelope_of(request: HttpRequest, error: ServiceException) -> dict[str, Any]:
    """Wrap ``error`` with the name of this service and the correlation id of the request.

    What it says is redacted: an error may repeat what a caller, a driver or another service said.
    """
    wrapped = errors.envelope(
        error,
        correlation_id=_correlation_id(request),
        service=conf.current().SERVICE_NAME,
        timestamp=datetime.now(UTC),
    )
    told = wrapped["error"]
    told["message"], told["details"] = _fit(error.message), _fit(error.details)
    return wrapped


def _fit(told: Any) -> Any:
    """Hide secrets in texts, at any depth; a field may be named like one and say what is wrong."""
    if isinstance(told, str):
        return confidence.hide(redact(told))
    if isinstance(told, Mapping):
        return {_fit_name(str(name)): _fit(value) for name, value in told.items()}
    return [_fit(value) for value in told] if isinstance(told, list | tuple) else told


def _fit_name(name: str) -> str:
    """Leave the name of a field as it is: somebody's password may well be ``password``."""
    return redact(name) if name.isalpha() and name.islower() else str(_fit(name))


def status_of(error: ServiceException) -> int:
    """The status that the kind of ``error`` has in HTTP."""
    return error.status if isinstance(error, StatusException) else STATUS[error.kind]


def from_status(response: HttpResponseBase) -> ServiceException:
    """The error that an answer without the envelope stands for; field errors of DRF are kept."""
    status = response.status_code
    message = phrase_of(status)
    kind = _KINDS.get(status)
    data: Any = getattr(response, "data", None)
    if kind is Kind.INVALID:
        return errors.ValidationException(INVALID if data else message, _field_errors(data))
    if kind is Kind.METHOD:
        allow = response.get("Allow", "") if hasattr(response, "get") else ""
        return errors.MethodException(message, [word.strip() for word in allow.split(",") if word])
    for known in errors.BY_CODE.values():
        if known.kind is kind and kind is not Kind.EXTERNAL:
            return known(message)
    return StatusException(message, status)


def settle(response: HttpResponse) -> HttpResponse:
    """Mark an answer as finished: the error middleware leaves its body alone."""
    marked = cast("Any", response)
    marked.quintet_settled = True
    # Django would log it once more, after the correlation id is gone.
    marked._has_been_logged = True  # noqa: SLF001 - Django's own mark
    return response


def is_settled(response: HttpResponseBase) -> bool:
    """Whether ``settle`` has seen this answer."""
    return getattr(response, "quintet_settled", False)


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a malformed request, for a project without the error middleware."""
    return envelope_response(request, exception)


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a refused request, for a project without the error middleware."""
    return envelope_response(request, exception)


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an unknown URL, for a project without the error middleware."""
    return envelope_response(request, exception)


def handler500(request: HttpRequest) -> HttpResponse:
    """Answer a failure, for a project without the error middleware; Django has logged it."""
    return envelope_response(request, errors.InternalException(), logged=True)


def _offered(view: Any) -> list[str]:
    """The methods of a view; that it describes itself is no method without a metadata class."""
    describes = getattr(view, "metadata_class", None) is not None
    return [name for name in getattr(view, "allowed_methods", ()) if describes or name != "OPTIONS"]


def _method_first(exc: Exception, view: Any, request: Request) -> Exception:
    """Make a missing method a 405, whoever asks; DRF looks at permissions first."""
    name = str(request.method).lower()
    refused = isinstance(exc, drf.NotAuthenticated | drf.PermissionDenied)
    offered = name in getattr(view, "http_method_names", ()) and hasattr(view, name)
    if refused and view is not None and not offered:
        return drf.MethodNotAllowed(str(request.method))
    return exc


def _report(request: HttpRequest, exc: BaseException, *, status: int) -> None:
    if status < _FIRST_SERVER_ERROR:
        return
    known = isinstance(exc, ServiceException | drf.APIException)
    if known and status != HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request failed", status=status, path=request.path, reason=str(exc))
        return
    log.error("request failed", status=status, path=request.path, exc_info=exc)
    if not is_outage(exc) and sys.exc_info()[1] is not None:
        got_request_exception.send(sender=None, request=request)


def _correlation_id(request: HttpRequest) -> str | None:
    bound = context.current()
    return bound.correlation_id if bound else getattr(request, "correlation_id", None)


def _written(request: HttpRequest, payload: dict[str, Any], *, status: int) -> HttpResponse:
    if wants_problem(request):
        body, content_type = _problem(payload["error"], status=status), PROBLEM
    else:
        body, content_type = payload, "application/json"
    response = HttpResponse(json.dumps(body, default=str), status=status, content_type=content_type)
    response["Vary"] = "Accept"
    response["Cache-Control"] = "no-store"
    return response


def _problem(error: dict[str, Any], *, status: int) -> dict[str, Any]:
    """The same error in the words of RFC 9457; its own members follow the five of the standard."""
    return {
        "type": "about:blank",
        "title": phrase_of(status),
        "status": status,
        "detail": error["message"],
        "instance": f"urn:correlation:{error['correlation_id']}",
        "code": error["code"],
        "correlation_id": error["correlation_id"],
        "service": error["service"],
        "timestamp": error["timestamp"],
        "details": error["details"],
        "errors": [
            {"pointer": f"#{pointer}", "detail": message}
            for pointer, message in _pointers(error["details"].get("field_errors", {}))
        ],
    }


def _pointers(found: Any, here: str = "") -> Iterator[tuple[str, str]]:
    """Name the place of each message as RFC 6901 does."""
    if isinstance(found, Mapping):
        for name, below in found.items():
            escaped = str(name).replace("~", "~0").replace("/", "~1")
            yield from _pointers(below, f"{here}/{escaped}")
    elif isinstance(found, list):
        for below in found:
            yield from _pointers(below, here)
    else:
        yield here, str(found)


def _headers(error: ServiceException, *, status: int) -> dict[str, str]:
    headers = {}
    if status == HTTPStatus.UNAUTHORIZED:
        refused = isinstance(error, TokenRefused)
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if refused else "Bearer"
    if isinstance(error, errors.MethodException) and error.allowed:
        headers["Allow"] = ", ".join(error.allowed)
    wait = error.details.get("retry_after_seconds")
    if isinstance(wait, int | float) and math.isfinite(wait):
        headers["Retry-After"] = str(max(0, math.ceil(wait)))
    if status >= _FIRST_SERVER_ERROR and (error.origin or error.kind is errors.Kind.EXTERNAL):
        headers[wire.NO_RETRY_HEADER] = "1"
    return headers


def _field_errors(data: Any) -> dict[str, Any]:
    if isinstance(data, dict):
        return {str(name): value for name, value in data.items()}
    return {GENERAL: data} if isinstance(data, list) else {}
