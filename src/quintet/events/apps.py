"""The tables of events, for services that list them."""

from __future__ import annotations

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """Names the application after what it keeps."""

    name = "quintet.events"
    label = "quintet_events"
    verbose_name = "Events"
    default_auto_field = "django.db.models.BigAutoField"
