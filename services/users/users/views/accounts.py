"""The doors of accounts and profiles."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

import django_filters
from django.core.validators import MaxValueValidator, MinValueValidator
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.response import Response

from quintet.auth import Owner, Public, Staff, service
from quintet.views.sets import ServiceViewSet
from quintet.views.throttling import RateLimit
from users import domain
from users.models import User
from users.views.serializers import (
    NamesSerializer,
    ProfileSerializer,
    RegistrationSerializer,
    UserSerializer,
)

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.serializers import BaseSerializer

# At the ends of the calendar a time has no equivalent in another time zone, UTC for example.
TIMES = [
    MinValueValidator(datetime(1, 1, 3, tzinfo=UTC)),
    MaxValueValidator(datetime(9999, 12, 29, tzinfo=UTC)),
]

PERSON = OpenApiExample(
    "A user",
    value={
        "id": 7,
        "username": "johndoe",
        "email": "john@example.com",
        "first_name": "John",
        "last_name": "Doe",
        "is_active": True,
        "created_at": "2026-01-31T12:00:00Z",
    },
    response_only=True,
)
REGISTRATION = OpenApiExample(
    "A registration",
    value={
        "username": "johndoe",
        "email": "john@example.com",
        "first_name": "John",
        "last_name": "Doe",
        "password": "correct horse battery staple",
    },
    request_only=True,
)
NAMES = OpenApiExample(
    "New names",
    value={
        "username": "johnny",
        "email": "johnny@example.com",
        "first_name": "Johnny",
        "last_name": "Doe",
    },
    request_only=True,
)
PROFILE = OpenApiExample(
    "A profile",
    value={
        "phone": "+4930123456",
        "birth_date": "1990-04-01",
        "bio": "Plays the second violin.",
        "street": "Lindenstrasse 5",
        "postal_code": "10969",
        "city": "Berlin",
        "country": "DE",
    },
)


class MomentFilter(django_filters.IsoDateTimeFilter):  # type: ignore[misc]  # it has no types
    """A moment in any time zone; PostgreSQL knows fewer zones than Python, but both know UTC."""

    def filter(self, found: Any, value: datetime | None) -> Any:
        """Compare in UTC."""
        return super().filter(found, value and value.astimezone(UTC))


class UserFilter(django_filters.FilterSet):  # type: ignore[misc]  # it has no types
    """How the list of users can be narrowed down."""

    is_active = django_filters.BooleanFilter(label="Whether the user may log in.")
    username = django_filters.CharFilter(method="by_name", label="The name, in any case.")
    email = django_filters.CharFilter(method="by_email", label="The address, in any case.")
    created_after = MomentFilter("created_at", "gte", validators=TIMES)
    created_before = MomentFilter("created_at", "lt", validators=TIMES)

    class Meta:
        model = User
        fields = ()

    def by_name(self, found: Any, _name: str, value: str) -> Any:
        """Find by name with the help of the unique index."""
        return found.named(value)

    def by_email(self, found: Any, _name: str, value: str) -> Any:
        """Find by address with the help of the unique index."""
        return found.addressed(value)


@extend_schema_view(
    list=extend_schema(summary="List users", examples=[PERSON]),
    retrieve=extend_schema(summary="Look at a user", examples=[PERSON]),
    destroy=extend_schema(summary="Remove a user"),
)
class UserViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, ServiceViewSet[User]
):
    """Accounts; to anybody but their owner and staff they do not exist."""

    queryset = User.objects.all()
    serializer_class = UserSerializer
    filterset_class = UserFilter
    ordering_fields = ("id", "username", "email", "created_at")
    owner_field = "pk"
    lookup_value_converter = "int"
    permissions: ClassVar = {
        "list": Staff,
        "create": Public,
        "retrieve": Owner | Staff | service("orders"),
        "update": Owner | Staff,
        "partial_update": Owner | Staff,
        "destroy": Owner | Staff,
        "activate": Staff,
        "deactivate": Owner | Staff,
        "profile": Owner | Staff,
        "change_profile": Owner | Staff,
    }
    rate_limit: ClassVar = {"create": RateLimit("registration", setting="REGISTRATION_RATE_LIMIT")}

    def get_queryset(self) -> QuerySet[User]:
        """Show users themselves only; staff and services see everybody."""
        everybody = super().get_queryset()
        return everybody if self.principal.kind == "service" else self.owned(everybody)

    @extend_schema(
        summary="Create a user",
        request=RegistrationSerializer,
        responses={201: UserSerializer},
        examples=[REGISTRATION, PERSON],
    )
    def create(self, request: Request) -> Response:
        """Register; the profile is created along, and another service judges the names."""
        asked = self.parsed(RegistrationSerializer(data=request.data))
        user = domain.register(domain.Registration(**asked))
        return Response(UserSerializer(user).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="Replace the names of a user",
        request=NamesSerializer,
        responses=UserSerializer,
        examples=[NAMES, PERSON],
    )
    def update(self, request: Request, **_path: Any) -> Response:
        """Replace all names; those that may be left out are emptied."""
        user = self.get_object()
        changes = self.parsed(NamesSerializer(data=request.data))
        return Response(UserSerializer(domain.change(user, changes)).data)

    @extend_schema(
        summary="Change some names of a user",
        request=NamesSerializer,
        responses=UserSerializer,
        examples=[
            OpenApiExample("A new name", value={"last_name": "Roe"}, request_only=True),
            PERSON,
        ],
    )
    def partial_update(self, request: Request, **_path: Any) -> Response:
        """Change the names that are given and leave the others."""
        user = self.get_object()
        changes = self.parsed(NamesSerializer(data=request.data, partial=True))
        return Response(UserSerializer(domain.change(user, changes)).data)

    def perform_destroy(self, instance: User) -> None:
        """Leave it to the domain, which logs it."""
        domain.delete(instance)

    @extend_schema(
        summary="Activate a user", request=None, responses=UserSerializer, examples=[PERSON]
    )
    @action(detail=True, methods=["post"])
    def activate(self, _request: Request, **_path: Any) -> Response:
        """Let the user log in again."""
        return Response(UserSerializer(domain.activate(self.get_object())).data)

    @extend_schema(
        summary="Deactivate a user", request=None, responses=UserSerializer, examples=[PERSON]
    )
    @action(detail=True, methods=["post"])
    def deactivate(self, _request: Request, **_path: Any) -> Response:
        """Bar the user from logging in, and end every login."""
        return Response(UserSerializer(domain.deactivate(self.get_object())).data)

    @extend_schema(summary="Look at a profile", responses=ProfileSerializer, examples=[PROFILE])
    @action(detail=True, methods=["get"])
    def profile(self, _request: Request, **_path: Any) -> Response:
        """Show what the user tells about themselves."""
        return Response(ProfileSerializer(domain.profile_of(self.get_object())).data)

    @extend_schema(
        summary="Replace a profile",
        request=ProfileSerializer,
        responses=ProfileSerializer,
        examples=[PROFILE],
    )
    @profile.mapping.put
    def change_profile(self, request: Request, **_path: Any) -> Response:
        """Replace the whole profile; what is left out is emptied."""
        user = self.get_object()
        changes = self.parsed(ProfileSerializer(data=request.data))
        return Response(ProfileSerializer(domain.change_profile(user, changes)).data)

    @staticmethod
    def parsed(serializer: BaseSerializer[Any]) -> dict[str, Any]:
        """Read a body, or refuse it."""
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)
