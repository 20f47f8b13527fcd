"""Shows what a service was started with, and where each value came from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from quintet import conf, lifecycle

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from quintet.settings import Row, ServiceSettings

TITLES = ("setting", "value", "origin")
GRACE = "\nGive it {seconds} seconds to end after SIGTERM: terminationGracePeriodSeconds: {seconds}"


class Command(BaseCommand):
    """``manage.py quintet_settings``: every setting, its value and its origin, secrets masked."""

    help = "Show every setting, its value and where it came from. Secrets are masked."
    # A report on what is set has to work most of all when something is wrong.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Offer the same as data."""
        parser.add_argument("--json", action="store_true", help="Print a JSON list instead.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        """Print one line for each setting."""
        env = conf.current()
        rows = env.describe()
        if options["json"]:
            self.stdout.write(json.dumps([row._asdict() for row in rows], indent=2))
        else:
            self.stdout.write(table(rows))
            self.stdout.write(GRACE.format(seconds=grace_of(env)))


def grace_of(env: ServiceSettings) -> int:
    """How long this service may take to end."""
    return lifecycle.grace_seconds(
        drain_seconds=env.DRAIN_SECONDS, shutdown_seconds=env.SHUTDOWN_SECONDS
    )


def table(rows: list[Row]) -> str:
    """Align the rows below their titles; control characters in a value are escaped."""
    shown = [TITLES, *((row.name, _printable(row.value), row.origin) for row in rows)]
    name_width, value_width = (max(len(line[i]) for line in shown) for i in (0, 1))
    return "\n".join(
        f"{name:<{name_width}}  {value:<{value_width}}  {origin}" for name, value, origin in shown
    )


def _printable(value: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value)
