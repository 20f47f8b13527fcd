"""The validation service as a Django app: it has no models, only doors."""

from __future__ import annotations

from django.apps import AppConfig


class ValidationConfig(AppConfig):
    """Names the service to Django."""

    name = "validation"
    verbose_name = "Validation"
