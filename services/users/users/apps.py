"""The users service as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class UsersConfig(AppConfig):
    """Names the service to Django."""

    name = "users"
    verbose_name = "Users"
