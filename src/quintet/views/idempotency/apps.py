"""The table of the keys, for services that list it."""

from __future__ import annotations

from django.apps import AppConfig


class IdempotencyConfig(AppConfig):
    """Names the application after what it keeps."""

    name = "quintet.views.idempotency"
    label = "quintet_idempotency"
    verbose_name = "Idempotency keys"
    default_auto_field = "django.db.models.BigAutoField"
