"""From whatever was raised to the one tree of errors.

Frameworks and drivers raise errors of their own; each is given the class of ours that says the
same to the caller. What is not known here is a mistake of this service.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions as drf
from rest_framework.fields import get_error_detail
from rest_framework.settings import api_settings

from quintet.errors import (
    AuthenticationException,
    DeadlineException,
    InternalException,
    MethodException,
    NotFoundException,
    PermissionException,
    RateLimitException,
    ServiceException,
    TooLargeException,
    UnavailableException,
    ValidationException,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

API_ERROR = "API_ERROR"
"""The code of a status that has no class of its own, such as 406 and 415."""

INVALID = "The request is not valid; see field_errors."
GENERAL = "non_field_errors"

_QUERY_CANCELED = "57014"
_READ_ONLY = "25006"
_IDLE_FOR_TOO_LONG = "25P03"
_RETRY_AFTER_SECONDS = 1


class StatusException(ServiceException):
    """An error that is only a status: 406, 411, 415 and their like."""

    default_code = API_ERROR

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.status)


def translate(exc: BaseException, *, allowed: Iterable[str] = ()) -> ServiceException:
    """Give the error that a caller shall see for ``exc``, with the methods of the view."""
    if isinstance(exc, ServiceException):
        return exc
    if isinstance(exc, drf.MethodNotAllowed):
        return MethodException(str(exc.detail), allowed)
    for classes, build in _TABLE:
        if isinstance(exc, classes):
            return build(exc)
    if isinstance(exc, drf.APIException):
        return StatusException(_sentence(exc.detail), exc.status_code)
    if is_outage(exc):
        return _outage(exc)
    return InternalException()


def is_outage(exc: BaseException) -> bool:
    """Whether a database or cache server failed; told by name, since the drivers are extras."""
    if isinstance(exc, OperationalError | InterfaceError) or _state(exc) in _OUTAGE_STATES:
        return True
    names = {(cls.__module__.partition(".")[0], cls.__name__) for cls in type(exc).__mro__}
    return not names.isdisjoint(_OUTAGES)


_OUTAGES = {
    ("psycopg", "OperationalError"),
    ("psycopg", "InterfaceError"),
    ("redis", "ConnectionError"),
    ("redis", "TimeoutError"),
}

_OUTAGE_STATES = {_READ_ONLY, _IDLE_FOR_TOO_LONG}
"""What a driver takes for a mistake in a statement: a server that has become a replica, and one
that has ended a transaction."""


def _state(exc: BaseException) -> str | None:
    """The code that PostgreSQL gave the error, which Django wraps."""
    for error in (exc, exc.__cause__):
        state: str | None = getattr(error, "sqlstate", None)
        if state is not None:
            return state
    return None


def _outage(exc: BaseException) -> ServiceException:
    if _state(exc) == _QUERY_CANCELED:
        return DeadlineException("The work took longer than it may.")
    return UnavailableException(
        "The service cannot do this at the moment.", retry_after_seconds=_RETRY_AFTER_SECONDS
    )


def _invalid(exc: BaseException) -> ServiceException:
    detail = cast("drf.ValidationError", exc).detail
    fields = detail if isinstance(detail, dict) else {api_settings.NON_FIELD_ERRORS_KEY: detail}
    return ValidationException(INVALID, _plain(fields))


def _invalid_in_django(exc: BaseException) -> ServiceException:
    return _invalid(drf.ValidationError(get_error_detail(cast("DjangoValidationError", exc))))


def _throttled(exc: BaseException) -> ServiceException:
    throttled = cast("Any", exc)
    return RateLimitException(_sentence(throttled.detail), throttled.wait)


def _said(kind: type[ServiceException]) -> Callable[[BaseException], ServiceException]:
    return lambda exc: kind(_sentence(cast("drf.APIException", exc).detail))


def _unreadable(exc: BaseException) -> ServiceException:
    cause: BaseException | None = exc
    while isinstance(cause, UnreadablePostError):  # Django wraps its own
        cause = cause.__cause__
    if isinstance(cause, TimeoutError):
        return StatusException("The body did not arrive in time.", HTTPStatus.REQUEST_TIMEOUT)
    return ValidationException("The request is malformed.")


def _fixed(
    kind: Callable[..., ServiceException], *message: str
) -> Callable[[BaseException], ServiceException]:
    return lambda _: kind(*message)


_TABLE: tuple[tuple[Any, Callable[[BaseException], ServiceException]], ...] = (
    (drf.ValidationError, _invalid),
    (DjangoValidationError, _invalid_in_django),
    (drf.ParseError, _said(ValidationException)),
    ((drf.NotAuthenticated, drf.AuthenticationFailed), _said(AuthenticationException)),
    (drf.PermissionDenied, _said(PermissionException)),
    (drf.NotFound, _said(NotFoundException)),
    (drf.Throttled, _throttled),
    (Http404, _fixed(NotFoundException)),
    (PermissionDenied, _fixed(PermissionException)),
    (RequestDataTooBig, _fixed(TooLargeException, "The body is larger than this service reads.")),
    (
        DisallowedHost,
        _fixed(ValidationException, "This service does not answer to that host name."),
    ),
    (
        (SuspiciousOperation, BadRequest, MultiPartParserError),
        _fixed(ValidationException, "The request is malformed."),
    ),
    (UnreadablePostError, _unreadable),
)


def _plain(detail: Any) -> Any:
    """Strings, lists and dictionaries in place of DRF's own kinds of them."""
    if isinstance(detail, dict):
        return {str(key): _plain(value) for key, value in detail.items()}
    if isinstance(detail, list | tuple):
        return [_plain(value) for value in detail]
    return str(detail)


def _sentence(detail: Any) -> str:
    if isinstance(detail, dict):
        return " ".join(_sentence(value) for value in detail.values())
    if isinstance(detail, list | tuple):
        return " ".join(_sentence(value) for value in detail)
    return str(detail)
