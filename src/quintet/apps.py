"""What Django starts of the chassis."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from django.apps import AppConfig

from quintet import conf, context
from quintet.telemetry import metrics

MANAGEMENT_PROGRAMS = frozenset({"manage.py", "django-admin"})


class QuintetConfig(AppConfig):
    """Registers the checks, switches the metrics, and gives a management command a context."""

    name = "quintet"
    label = "quintet"
    verbose_name = "Quintet"

    def ready(self) -> None:
        """Wire the parts together once Django is configured."""
        # The checks judge views and models, which cannot be imported before this moment.
        import_module("quintet.checks")
        metrics.configure(conf.current())
        if Path(sys.argv[0]).name in MANAGEMENT_PROGRAMS:
            context.bind(context.new())
