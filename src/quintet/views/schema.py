"""OpenAPI of everything that can come back, not only of what goes well.

Named by ``DEFAULT_SCHEMA_CLASS``. Every operation lists its error answers with an example each, in
the envelope and as a problem of RFC 9457.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema as SpectacularSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from quintet.auth import Public
from quintet.errors import BY_CODE
from quintet.views.errors import STATUS
from quintet.views.idempotency import DECLARED, HEADER
from quintet.views.negotiation import PROBLEM
from quintet.views.phrases import phrase_of
from quintet.views.serializers import _Strict
from quintet.views.throttling import POLICY_HEADER, STANDING_HEADER, RateThrottle, limit_of
from quintet.views.translation import API_ERROR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quintet.views.throttling import Policy

_WHEN = "2026-01-05T10:00:00+00:00"
_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
_MESSAGES = {
    400: "The request is not valid; see field_errors.",
    401: "Authentication is required.",
    403: "You may not do this.",
    404: "There is no such resource.",
    405: 'Method "PUT" not allowed.',
    406: "Could not satisfy the request Accept header.",
    409: "The state has moved on.",
    413: "The body is larger than 10485760 bytes.",
    415: 'Unsupported media type "text/plain" in request.',
    422: "A rule of the business stands against it.",
    429: "Too many requests: the limit is 600/minute.",
    500: "An unexpected error occurred.",
    502: "Another service failed.",
    503: "The service cannot do this at the moment.",
    504: "No answer came in time.",
}
_DETAILS: dict[int, dict[str, Any]] = {
    400: {"field_errors": {"quantity": ["A valid integer is required."]}},
    405: {"allowed": ["GET", "HEAD"]},
    413: {"limit_bytes": 10_485_760},
    422: {"business_rule": "out_of_stock"},
    429: {"retry_after_seconds": 12.8},
    502: {"service_name": "payments", "status_code": 500},
    503: {"retry_after_seconds": 1},
}
_CODES = {
    STATUS[cls.kind]: cls.default_code
    for cls in BY_CODE.values()
    if cls.default_code != "SERVICE_ERROR"
}
_ALWAYS = (400, 405, 406, 429, 500, 502, 503, 504)
_WITH_BODY = (409, 413, 415, 422)
_WRITING = {"POST", "PUT", "PATCH", "DELETE"}

_TEXT = {"type": "string"}
_OBJECT = {"type": "object", "additionalProperties": {}}
ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "The shape of every answer that is not a success.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "details", "correlation_id", "service", "timestamp"],
            "properties": {
                "code": {"type": "string", "description": "What to write a condition on."},
                "message": {"type": "string", "description": "One sentence for people."},
                "details": _OBJECT,
                "correlation_id": {
                    "type": "string",
                    "description": "Finds the log of all services.",
                },
                "service": _TEXT,
                "timestamp": {"type": "string", "format": "date-time"},
            },
        }
    },
}
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "The same error as RFC 9457, for `Accept: application/problem+json`.",
    "required": ["type", "title", "status", "detail", "code", "correlation_id", "service"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "instance": {"type": "string", "format": "uri-reference"},
        "code": _TEXT,
        "correlation_id": _TEXT,
        "service": _TEXT,
        "timestamp": {"type": "string", "format": "date-time"},
        "details": _OBJECT,
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"pointer": _TEXT, "detail": {}}},
        },
    },
}


class Bearer(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # registers itself
    """How a token is sent."""

    target_class = "quintet.auth.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:  # noqa: ARG002 - signature
        """The scheme of OpenAPI for a token of ours."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class AutoSchema(SpectacularSchema):
    """drf-spectacular's inspection, with errors, strict bodies and our permissions."""

    def get_auth(self) -> list[dict[str, Any]]:
        """A public operation needs no token; any other needs one."""
        needed: list[dict[str, Any]] = super().get_auth()
        return [*needed, {}] if self._is_public() else needed

    def get_override_parameters(self) -> list[Any]:
        """Beside what an operation names itself: the key of a deed that is done once."""
        named: list[Any] = super().get_override_parameters()
        handler = getattr(
            self.view, getattr(self.view, "action", None) or self.method.lower(), None
        )
        declared = getattr(handler, DECLARED, None)
        return named if declared is None else [*named, _key(required=declared.required)]

    def _is_public(self) -> bool:
        return any(isinstance(permission, Public) for permission in self.view.get_permissions())

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        errors = {str(it): self._error(it) for it in self._errors() if str(it) not in bodies}
        bodies.update(errors)
        self._limit(bodies)
        bodies.update({status: self._shared(status, error) for status, error in errors.items()})
        return dict(sorted(bodies.items()))

    def _shared(self, status: str, error: dict[str, Any]) -> dict[str, Any]:
        """Let operations whose errors are the same refer to one: it is most of the document."""
        name = phrase_of(int(status)).title().replace(" ", "")
        if "headers" in error:
            name = f"{name}.{limit_of(self.view).name}"
        component = _component(name, ResolvedComponent.RESPONSE, error)
        self.registry.register_on_missing(component)
        known = self.registry[component].schema
        return cast("dict[str, Any]", component.ref) if known == error else error

    def _limit(self, bodies: dict[str, Any]) -> None:
        """Say what a caller may ask of this operation, on every answer."""
        policy = limit_of(self.view).policy()
        throttles = self.view.get_throttles()
        if policy is None or not any(isinstance(it, RateThrottle) for it in throttles):
            return
        for body in bodies.values():
            body.setdefault("headers", {}).update(_rate_headers(policy))
        bodies["429"]["headers"]["Retry-After"] = _header(
            "Seconds until a request will be answered again.", example="13"
        )

    def _errors(self) -> Iterator[int]:
        yield from _ALWAYS
        # A wrong token is refused on a public route as well.
        yield 401
        if not self._is_public():
            yield 403
        if "{" in self.path or self._pages():
            yield 404
        if self.method in _WRITING:
            yield from _WITH_BODY

    def _pages(self) -> bool:
        pages: bool = self._get_paginator() is not None  # type: ignore[no-untyped-call] # spectacular
        return pages

    def _error(self, status: int) -> dict[str, Any]:
        return {
            "description": phrase_of(status),
            "content": {
                "application/json": self._content("Error", ERROR_SCHEMA, example=_example(status)),
                PROBLEM: self._content("Problem", PROBLEM_SCHEMA, example=_problem(status)),
            },
        }

    def _content(self, name: str, schema: dict[str, Any], *, example: Any) -> dict[str, Any]:
        component = _component(name, ResolvedComponent.SCHEMA, schema)
        self.registry.register_on_missing(component)
        return {"schema": component.ref, "example": example}

    def _postprocess_serializer_schema(self, schema: Any, serializer: Any, direction: Any) -> Any:
        inherited: Any = super()._postprocess_serializer_schema
        processed = inherited(schema, serializer, direction)
        if isinstance(serializer, _Strict):
            processed["additionalProperties"] = False
        return processed


def _component(name: str, kind: str, schema: dict[str, Any]) -> Any:
    return cast("Any", ResolvedComponent)(name, kind, schema, object=name)


def _key(*, required: bool) -> OpenApiParameter:
    return OpenApiParameter(
        HEADER,
        str,
        OpenApiParameter.HEADER,
        required=required,
        description=(
            "One key for all attempts of one deed, such as a random UUID: it is done once, and the "
            "answer is given again."
        ),
        examples=[OpenApiExample("A random UUID", value="8e03978e-40d5-43e8-bc93-6894a57f9324")],
    )


def _rate_headers(policy: Policy) -> dict[str, Any]:
    return {
        POLICY_HEADER: _header("What one caller may ask.", example=policy.header),
        STANDING_HEADER: _header(
            "What is left of it, and for how many seconds there will be no more.",
            example=", ".join(f'"{name}";r=42;t=13' for name in policy.names),
        ),
    }


def _header(description: str, *, example: str) -> dict[str, Any]:
    return {"description": description, "schema": _TEXT, "example": example}


def _example(status: int) -> dict[str, Any]:
    return {
        "error": {
            "code": _CODES.get(status, API_ERROR),
            "message": _MESSAGES[status],
            "details": _DETAILS.get(status, {}),
            "correlation_id": _ID,
            "service": "orders",
            "timestamp": _WHEN,
        }
    }


def _problem(status: int) -> dict[str, Any]:
    error = _example(status)["error"]
    return {
        "type": "about:blank",
        "title": phrase_of(status),
        "status": status,
        "detail": error.pop("message"),
        "instance": f"urn:correlation:{_ID}",
        **error,
    }
