"""Raises what the address names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import Throttled
from rest_framework.views import APIView

from quintet import errors
from quintet.auth import Public

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response

SECRET = "a-secret-of-the-stage"

ERRORS: dict[str, Exception] = {
    "SERVICE_ERROR": errors.ServiceException("No."),
    "VALIDATION_ERROR": errors.ValidationException("No.", {"name": ["Too short."]}),
    "BUSINESS_LOGIC_ERROR": errors.BusinessLogicException("No.", business_rule="never"),
    "EXTERNAL_SERVICE_ERROR": errors.ExternalServiceException("No.", "elsewhere", 500),
    "AUTHENTICATION_ERROR": errors.AuthenticationException(),
    "PERMISSION_ERROR": errors.PermissionException(),
    "NOT_FOUND": errors.NotFoundException(),
    "METHOD_NOT_ALLOWED": errors.MethodException("No.", ["PUT"]),
    "CONFLICT": errors.ConflictException("No."),
    "PAYLOAD_TOO_LARGE": errors.TooLargeException("No.", 7),
    "RATE_LIMITED": errors.RateLimitException("No.", retry_after_seconds=3),
    "INTERNAL_ERROR": errors.InternalException(),
    "SERVICE_UNAVAILABLE": errors.UnavailableException("No.", retry_after_seconds=3),
    "DEADLINE_EXCEEDED": errors.DeadlineException("No."),
    "django-bad-request": BadRequest(SECRET),
    "django-permission": PermissionDenied(SECRET),
    "django-too-big": RequestDataTooBig(SECRET),
    "framework-throttled": Throttled(wait=3),
    "bug": ZeroDivisionError(SECRET),
}


class ErrorView(APIView):
    """Fails as it is asked to."""

    permission_classes: ClassVar = [Public]

    @extend_schema(operation_id="fail", responses=None)
    def get(self, _request: Request, code: str, **_path: Any) -> Response:
        """Raise the error of this name."""
        raise ERRORS[code]
