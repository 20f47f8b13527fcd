"""The door to DRF: read the bearer token of a request, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.authentication import BaseAuthentication

from quintet.auth.tokens import TokenRefused, verify

if TYPE_CHECKING:
    from rest_framework.request import Request

    from quintet.auth.principals import Principal


class BearerAuthentication(BaseAuthentication):
    """Turns ``Authorization: Bearer …`` into ``request.user``, a ``Principal``.

    A request without the header, or with another scheme, is anonymous; a bearer token that is wrong
    in any way is refused, also where anonymous requests are welcome.
    """

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        if not token:
            raise TokenRefused("The Authorization header carries no token.")
        return verify(token), None

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's signature
        """The challenge of a 401."""
        return "Bearer"
