"""The doors of logins: everybody may knock, and only the right secret opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from quintet.auth import Public
from quintet.views.idempotency import HEADER
from quintet.views.idempotency.keys import key_of, refused
from quintet.views.throttling import RateLimit, attempt
from users import domain
from users.views.serializers import CredentialsSerializer, RefreshSerializer, TokensSerializer

if TYPE_CHECKING:
    from rest_framework.request import Request

    from quintet.views.serializers import StrictSerializer

TOKENS = OpenApiExample(
    "A pair of tokens",
    value={
        "access": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl",
        "refresh": "0f8fad5bd9cb469fa16570867728950e.Zm9yLXRoZS1uZXh0LXBhaXItb2YtdG9rZW5z",
        "token_type": "Bearer",
        "expires_in": 900,
    },
    response_only=True,
)
REFRESH = OpenApiExample(
    "A refresh token",
    value={"refresh": "0f8fad5bd9cb469fa16570867728950e.Zm9yLXRoZS1uZXh0LXBhaXItb2YtdG9rZW5z"},
    request_only=True,
)
FAILED_LOGINS = RateLimit("failed-login", setting="FAILED_LOGIN_RATE_LIMIT")
KEY = OpenApiParameter(
    HEADER,
    UUID,
    OpenApiParameter.HEADER,
    description=(
        "A random UUID that goes with this refresh token and with no other: who repeats the "
        "request with it within a minute gets the same pair again, until that pair is used."
    ),
    examples=[OpenApiExample("A random UUID", value="8e03978e-40d5-43e8-bc93-6894a57f9324")],
)


class TokenView(APIView):
    """Logs a user in."""

    permission_classes = [Public]
    rate_limit = RateLimit("login", setting="LOGIN_RATE_LIMIT")

    @extend_schema(
        operation_id="auth_token_create",
        summary="Log in",
        request=CredentialsSerializer,
        responses=TokensSerializer,
        examples=[
            OpenApiExample(
                "Credentials",
                value={"username": "johndoe", "password": "correct horse battery staple"},
                request_only=True,
            ),
            TOKENS,
        ],
    )
    def post(self, request: Request) -> Response:
        """Exchange a name and a password for tokens."""
        credentials = parsed(CredentialsSerializer, request)
        with attempt(FAILED_LOGINS, domain.account_of(credentials["username"])):
            tokens = domain.log_in(**credentials)
        return secret(TokensSerializer(tokens).data)


class RefreshView(APIView):
    """Keeps a user logged in."""

    permission_classes = [Public]

    @extend_schema(
        operation_id="auth_refresh_create",
        summary="Exchange a refresh token",
        request=RefreshSerializer,
        responses=TokensSerializer,
        parameters=[KEY],
        examples=[REFRESH, TOKENS],
    )
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for a new pair; using it a second time ends the login.

        Whoever lost the answer may repeat the request with its key, within a minute.
        """
        token = parsed(RefreshSerializer, request)["refresh"]
        tokens = domain.refresh(token, key=unguessable_key_of(request))
        return secret(TokensSerializer(tokens).data)


class RevokeView(APIView):
    """Logs a user out."""

    permission_classes = [Public]

    @extend_schema(
        operation_id="auth_revoke_create",
        summary="Log out",
        request=RefreshSerializer,
        responses={204: None},
        examples=[REFRESH],
    )
    def post(self, request: Request) -> Response:
        """End the login that a refresh token belongs to; an unknown one is as good as ended."""
        domain.revoke(parsed(RefreshSerializer, request)["refresh"])
        return Response(status=status.HTTP_204_NO_CONTENT)


def parsed(form: type[StrictSerializer[Any]], request: Request) -> dict[str, Any]:
    """Read a body, or refuse it."""
    serializer = form(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def unguessable_key_of(request: Request) -> str | None:
    """Read a key that proves who repeats a request; it is a secret, so no error repeats it."""
    key = key_of(request)
    try:
        return None if key is None else str(UUID(key))
    except ValueError:
        raise refused(
            f"These {len(key or '')} characters are no UUID: send a random one with each refresh "
            "token, and the same one with each repetition."
        ) from None


def secret(body: Any) -> Response:
    """Answer with something that no cache on the way may keep."""
    return Response(body, headers={"Cache-Control": "no-store"})
