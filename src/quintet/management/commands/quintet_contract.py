"""Prints what a service promises others and expects of them: what the files in contracts/ say."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, cast

from django.apps import apps
from django.core.management.base import BaseCommand
from django.utils.module_loading import autodiscover_modules
from drf_spectacular.generators import SchemaGenerator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quintet.events.declared import Event


class Command(BaseCommand):
    """``manage.py quintet_contract``: OpenAPI, and the schemas of events, as one line of JSON."""

    help = "Print the contract of this service as one line of JSON."
    # What a service says of itself needs neither its database nor a sound configuration.
    requires_system_checks = []

    def handle(self, *_: Any, **__: Any) -> None:
        """Print the line."""
        openapi = cast("Any", SchemaGenerator)().get_schema(request=None, public=True)
        events = _events() if apps.is_installed("quintet.events") else {}
        told = {"openapi": openapi, "publishes": {}, "handles": {}, **events}
        self.stdout.write(json.dumps(told, default=str))


def _events() -> dict[str, Any]:
    # Not at the top: events have models, and msgspec, in services that list them only.
    from quintet.events.declared import schema_of
    from quintet.events.handling import discovered

    return {
        "publishes": {cls.type(): schema_of(cls) for cls in _published()},
        "handles": {
            name: {"event": handler.event.type(), "schema": schema_of(handler.event)}
            for name, handler in discovered().by_name.items()
        },
    }


def _published() -> Iterator[type[Event]]:
    """The classes that stand in the ``events`` of an application."""
    from quintet.events.declared import Event, judged

    autodiscover_modules("events")
    for app in apps.get_app_configs():
        module = sys.modules.get(f"{app.name}.events")
        for found in vars(module).values() if module else ():
            if isinstance(found, type) and issubclass(found, Event) and found is not Event:
                yield judged(found)
