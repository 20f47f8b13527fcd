"""The one tree of errors that a service raises, and that its clients see raised again.

Nothing here knows HTTP: an error has a kind, and one table in ``quintet.views.errors`` maps the
kind to a status. The message and the details of an error are for whoever called; what is only for
the people who run the service belongs in the log.

::

    ServiceException                SERVICE_ERROR
    ├── ValidationException         VALIDATION_ERROR        what was sent is malformed
    ├── BusinessLogicException      BUSINESS_LOGIC_ERROR    well-formed, and against a rule
    ├── ExternalServiceException    EXTERNAL_SERVICE_ERROR  another service failed
    ├── AuthenticationException     AUTHENTICATION_ERROR    nobody knows who is calling
    ├── PermissionException         PERMISSION_ERROR        the caller may not do this
    ├── NotFoundException           NOT_FOUND
    ├── MethodException             METHOD_NOT_ALLOWED
    ├── ConflictException           CONFLICT                the state has moved on
    ├── TooLargeException           PAYLOAD_TOO_LARGE
    ├── RateLimitException          RATE_LIMITED
    ├── InternalException           INTERNAL_ERROR          a mistake in the service itself
    ├── UnavailableException        SERVICE_UNAVAILABLE     not now; later, perhaps
    └── DeadlineException           DEADLINE_EXCEEDED       no answer in time
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

LONGEST_REMOTE_MESSAGE = 1_000


class Kind(enum.Enum):
    """What went wrong, in words that fit any transport."""

    SERVICE = "service"
    INVALID = "invalid"
    RULE = "rule"
    EXTERNAL = "external"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD = "method"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    RATE = "rate"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"
    DEADLINE = "deadline"


class ServiceException(Exception):
    """Something a service refuses or fails to do, said so that a program can act on it.

    An ``error_code`` of another class of this tree also gives the error the kind of that class.
    """

    kind: Kind = Kind.SERVICE
    default_code: ClassVar[str] = "SERVICE_ERROR"

    def __init__(
        self, message: str, error_code: str | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = error_code or self.default_code
        self.details: dict[str, Any] = dict(details or {})
        self.origin: str | None = None
        known = BY_CODE.get(self.error_code)
        if known is not None:
            self.kind = known.kind

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.message, self.__dict__)


class ValidationException(ServiceException):
    """What was sent is malformed; ``field_errors`` says where: field → list of messages."""

    kind = Kind.INVALID
    default_code = "VALIDATION_ERROR"

    def __init__(self, message: str, field_errors: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, details={"field_errors": dict(field_errors or {})})


class BusinessLogicException(ServiceException):
    """What was sent is well-formed and breaks a rule of the business."""

    kind = Kind.RULE
    default_code = "BUSINESS_LOGIC_ERROR"

    def __init__(self, message: str, business_rule: str | None = None) -> None:
        super().__init__(message, details={"business_rule": business_rule})

    @property
    def business_rule(self) -> str | None:
        """The name of the broken rule, stable enough to write a condition on."""
        rule = self.details.get("business_rule")
        return None if rule is None else str(rule)


class ExternalServiceException(ServiceException):
    """Another service answered with a failure, or with something that is no answer."""

    kind = Kind.EXTERNAL
    default_code = "EXTERNAL_SERVICE_ERROR"

    def __init__(self, message: str, service_name: str, status_code: int | None = None) -> None:
        super().__init__(
            message, details={"service_name": service_name, "status_code": status_code}
        )


class AuthenticationException(ServiceException):
    """Nobody knows who is calling: no credentials, or none that can be trusted."""

    kind = Kind.UNAUTHENTICATED
    default_code = "AUTHENTICATION_ERROR"

    def __init__(self, message: str = "Authentication is required.") -> None:
        super().__init__(message)


class PermissionException(ServiceException):
    """The caller is known, and may not do this."""

    kind = Kind.FORBIDDEN
    default_code = "PERMISSION_ERROR"

    def __init__(self, message: str = "You may not do this.") -> None:
        super().__init__(message)


class NotFoundException(ServiceException):
    """There is no such thing, or none that the caller may know of."""

    kind = Kind.NOT_FOUND
    default_code = "NOT_FOUND"

    def __init__(self, message: str = "There is no such resource.") -> None:
        super().__init__(message)


class MethodException(ServiceException):
    """The resource exists and does not offer this method; ``allowed`` lists those it offers."""

    kind = Kind.METHOD
    default_code = "METHOD_NOT_ALLOWED"

    def __init__(self, message: str, allowed: Iterable[str] = ()) -> None:
        super().__init__(message, details={"allowed": list(allowed)})

    @property
    def allowed(self) -> tuple[str, ...]:
        """The methods that the resource does offer."""
        listed = self.details.get("allowed")
        methods = listed if isinstance(listed, list) else []
        known = all(isinstance(method, str) and method.isalpha() for method in methods)
        return tuple(methods) if known else ()


class ConflictException(ServiceException):
    """The request was right for a state that the resource has left."""

    kind = Kind.CONFLICT
    default_code = "CONFLICT"


class TooLargeException(ServiceException):
    """More was sent than is read; ``limit_bytes`` says how much is."""

    kind = Kind.TOO_LARGE
    default_code = "PAYLOAD_TOO_LARGE"

    def __init__(self, message: str, limit_bytes: int | None = None) -> None:
        super().__init__(message, details=_given(limit_bytes=limit_bytes))


class _Retryable:
    details: dict[str, Any]

    @property
    def retry_after_seconds(self) -> float | None:
        """How long to wait before another attempt makes sense, when that is known."""
        seconds = self.details.get("retry_after_seconds")
        return seconds if isinstance(seconds, int | float) else None


class RateLimitException(_Retryable, ServiceException):
    """The caller asks more often than it may."""

    kind = Kind.RATE
    default_code = "RATE_LIMITED"

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message, details=_given(retry_after_seconds=retry_after_seconds))


class InternalException(ServiceException):
    """A mistake in the service itself; the cause is in the log, never in the message."""

    kind = Kind.INTERNAL
    default_code = "INTERNAL_ERROR"

    def __init__(self, message: str = "An unexpected error occurred.") -> None:
        super().__init__(message)


class UnavailableException(_Retryable, ServiceException):
    """The service, or one that it needs, cannot be reached now."""

    kind = Kind.UNAVAILABLE
    default_code = "SERVICE_UNAVAILABLE"

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message, details=_given(retry_after_seconds=retry_after_seconds))


class DeadlineException(ServiceException):
    """No answer came in time; whether the work was done is not known."""

    kind = Kind.DEADLINE
    default_code = "DEADLINE_EXCEEDED"


_CLASSES: list[type[ServiceException]] = [ServiceException, *ServiceException.__subclasses__()]
BY_CODE: dict[str, type[ServiceException]] = {error.default_code: error for error in _CLASSES}
"""The classes of this module by their code; subclasses of a service keep the code they inherit."""


def envelope(
    exc: ServiceException, *, correlation_id: str | None, service: str, timestamp: datetime | str
) -> dict[str, Any]:
    """Give ``exc`` the shape that every service answers with."""
    return {
        "error": {
            "code": exc.error_code,
            "message": exc.message,
            "details": exc.details,
            "correlation_id": correlation_id,
            "service": service,
            "timestamp": timestamp.isoformat() if isinstance(timestamp, datetime) else timestamp,
        }
    }


def from_envelope(payload: object, *, status: int, service: str) -> ServiceException:
    """Rebuild the error that ``service`` answered with, as the class that was raised there.

    What another service calls an internal error is, seen from here, a failure of that service.
    So is an unknown code, and anything that is no envelope.
    """
    error = payload.get("error") if isinstance(payload, Mapping) else None
    code = error.get("code") if isinstance(error, Mapping) else None
    known = BY_CODE.get(code) if isinstance(code, str) else None
    if known is None or known.kind is Kind.INTERNAL or not isinstance(error, Mapping):
        return _failure(service, status=status)
    details = error.get("details")
    message = str(error.get("message") or "")[:LONGEST_REMOTE_MESSAGE]
    return _restore(
        known,
        message or f"{service} answered {status}.",
        {
            "error_code": known.default_code,
            "details": dict(details) if isinstance(details, Mapping) else {},
            "kind": known.kind,
            "origin": service,
        },
    )


def _failure(service: str, *, status: int) -> ExternalServiceException:
    error = ExternalServiceException(f"{service} answered {status}.", service, status)
    error.origin = service
    return error


def _restore(
    kind_of_error: type[ServiceException], message: str, state: dict[str, Any]
) -> ServiceException:
    """Make an error without calling the constructor of its class, which may ask for more."""
    error = kind_of_error.__new__(kind_of_error, message)
    error.args = (message,)
    error.__dict__.update({"message": message, **state})
    return error


def _given(**details: object) -> dict[str, object]:
    return {name: value for name, value in details.items() if value is not None}
