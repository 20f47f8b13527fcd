"""Publishes the events of a service, for as long as it runs."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from quintet.events.leases import Leases
from quintet.events.relay import Relay
from quintet.management.working import WorkingCommand


class Command(WorkingCommand):
    """``manage.py quintet_relay``: one for each service that publishes; several share the work."""

    help = "Publish the events of this service, until SIGTERM."

    def work(self, ending: Any) -> None:
        """Publish until told to end."""
        with closing(self.broker()) as broker:
            Relay(broker, Leases("relay")).run(ending)
