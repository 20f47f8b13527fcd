"""The tables that the users service alone owns, and the rules that the database itself keeps."""

from __future__ import annotations

import re
import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import models
from django.db.models.functions import Lower

LONGEST_USERNAME = 64
LONGEST_EMAIL = 254


class ModestArgon2(Argon2PasswordHasher):
    """Argon2id with 19 MiB, two passes and one lane: OWASP's choice for servers with many threads.

    Django's own parameters take 100 MiB per login, which a handful of simultaneous logins turns
    into a process that is killed for its memory.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1


class UserQuerySet(models.QuerySet["User"]):
    """The questions that are asked about users."""

    def named(self, username: str) -> UserQuerySet:
        """Narrow down to the user with this name, in any case; the unique index answers it."""
        return self.alias(name=Lower("username")).filter(name=Lower(models.Value(username)))

    def addressed(self, email: str) -> UserQuerySet:
        """Narrow down to the user with this e-mail address, in any case, by the unique index."""
        return self.alias(address=Lower("email")).filter(address=Lower(models.Value(email)))

    def active(self) -> UserQuerySet:
        """Narrow down to users who may log in."""
        return self.filter(is_active=True)


class User(AbstractBaseUser):
    """Somebody who may log in; names and addresses are unique in any case, kept by the database."""

    id = models.BigAutoField(primary_key=True)
    username = models.CharField(max_length=LONGEST_USERNAME)
    email = models.EmailField(max_length=LONGEST_EMAIL)
    first_name = models.CharField(max_length=150, blank=True)
    last_name = models.CharField(max_length=150, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = UserQuerySet.as_manager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(Lower("email"), name="unique_email"),
            models.UniqueConstraint(Lower("username"), name="unique_username"),
        )
        indexes = (
            models.Index(fields=["created_at"], name="user_created_at"),
            models.Index(fields=["id"], condition=models.Q(is_active=True), name="user_active"),
        )

    def __str__(self) -> str:
        return self.username


class Profile(models.Model):
    """What a user tells about themselves; every user has exactly one."""

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="profile"
    )
    phone = models.CharField(max_length=20, blank=True)
    birth_date = models.DateField(null=True, blank=True)
    bio = models.TextField(max_length=1000, blank=True)
    street = models.CharField(max_length=200, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    city = models.CharField(max_length=100, blank=True)
    country = models.CharField(max_length=2, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"profile of user {self.user_id}"


class Session(models.Model):
    """One login and all refresh tokens that follow from it: a family of which one token is valid.

    Only the digest of the valid token is kept. Whoever knows the id of the family and shows another
    token than the valid one holds a token that was used before.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    rotated_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"session {self.id} of user {self.user_id}"


def violated_constraint(error: BaseException) -> str | None:
    """Name the unique constraint that a write ran into, without searching text that quotes data."""
    diagnosis = getattr(error.__cause__, "diag", None)
    if diagnosis is not None:
        name: str | None = diagnosis.constraint_name
        return name
    match = re.fullmatch(r"UNIQUE constraint failed: index '(\w+)'", str(error))
    return match[1] if match else None
