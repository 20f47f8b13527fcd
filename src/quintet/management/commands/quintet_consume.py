"""Handles the events that a service has subscribed to, for as long as it runs."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from django.core.management.base import CommandError

from quintet import health
from quintet.events.consumer import Consumer
from quintet.events.handling import discovered
from quintet.events.leases import Leases
from quintet.management.working import WorkingCommand


class Command(WorkingCommand):
    """``manage.py quintet_consume``: one for each service that handles; several share the work."""

    help = "Handle the events that the handlers of this service wait for, until SIGTERM."

    def work(self, ending: Any) -> None:
        """Handle until told to end, while the service is ready."""
        handlers = discovered()
        if not handlers.by_name:
            raise CommandError("No application has handlers: declare one with @handles(…).")
        ready = health.checker().ready
        with closing(self.broker()) as broker:
            Consumer(broker, Leases("consumer"), handlers, ready=ready).run(ending)
