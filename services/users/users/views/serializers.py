"""What comes in and what goes out, field by field."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from quintet.views.serializers import StrictSerializer
from users.domain import Tokens
from users.models import LONGEST_EMAIL, LONGEST_USERNAME, User

EARLIEST_BIRTH = date(1900, 1, 1)
LONGEST_PASSWORD = 128
LONGEST_REFRESH_TOKEN = 100


class UserSerializer(serializers.ModelSerializer[User]):
    """A user as others see it."""

    class Meta:
        model = User
        fields = ("id", "username", "email", "first_name", "last_name", "is_active", "created_at")
        read_only_fields = fields


class NamesSerializer(StrictSerializer[Any]):
    """What a user may change about the account."""

    username = serializers.CharField(max_length=LONGEST_USERNAME)
    email = serializers.EmailField(max_length=LONGEST_EMAIL)
    first_name = serializers.CharField(max_length=150, allow_blank=True, default="")
    last_name = serializers.CharField(max_length=150, allow_blank=True, default="")


class RegistrationSerializer(NamesSerializer):
    """What it takes to get an account; one without a password cannot log in."""

    password = serializers.CharField(
        max_length=LONGEST_PASSWORD, trim_whitespace=False, required=False, write_only=True
    )


class ProfileSerializer(StrictSerializer[Any]):
    """What a user tells about themselves; what is left out is emptied."""

    phone = serializers.RegexField(
        r"^\+[1-9][0-9]{6,14}$",
        allow_blank=True,
        default="",
        help_text="International form: a plus sign and digits only.",
    )
    birth_date = serializers.DateField(allow_null=True, default=None)
    bio = serializers.CharField(max_length=1000, allow_blank=True, default="")
    street = serializers.CharField(max_length=200, allow_blank=True, default="")
    postal_code = serializers.CharField(max_length=20, allow_blank=True, default="")
    city = serializers.CharField(max_length=100, allow_blank=True, default="")
    country = serializers.RegexField(
        r"^[A-Z]{2}$", allow_blank=True, default="", help_text="Two letters of ISO 3166-1."
    )

    def validate_birth_date(self, value: date | None) -> date | None:
        """Refuse a day on which nobody can have been born who is alive."""
        if value is not None and not EARLIEST_BIRTH <= value <= timezone.localdate():
            raise serializers.ValidationError("This is not the birth date of a living person.")
        return value


class CredentialsSerializer(StrictSerializer[Any]):
    """A name and a password."""

    username = serializers.CharField(max_length=LONGEST_USERNAME)
    password = serializers.CharField(max_length=LONGEST_PASSWORD, trim_whitespace=False)


class RefreshSerializer(StrictSerializer[Any]):
    """A refresh token."""

    refresh = serializers.CharField(max_length=LONGEST_REFRESH_TOKEN)


class TokensSerializer(serializers.Serializer[Tokens]):
    """What a login is worth."""

    access = serializers.CharField()
    refresh = serializers.CharField()
    token_type = serializers.ChoiceField(choices=["Bearer"])
    expires_in = serializers.IntegerField(help_text="Seconds until the access token expires.")
