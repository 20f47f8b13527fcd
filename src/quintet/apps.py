"""What Django starts of the chassis."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from django.apps import AppConfig

from quintet import conf, context, lifecycle
from quintet.database.traces import trace_statements
from quintet.lifecycle import monitor, sampling
from quintet.lifecycle.pools import close_pools
from quintet.lifecycle.turns import shared_folder
from quintet.telemetry import metrics, output, traces, turning
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from types import TracebackType

    from quintet.settings import ServiceSettings

MANAGEMENT_PROGRAMS = frozenset({"manage.py", "django-admin"})

log = get_logger("quintet.management")


class QuintetConfig(AppConfig):
    """Registers the checks, switches metrics and traces, gives a management command a context."""

    name = "quintet"
    label = "quintet"
    verbose_name = "Quintet"

    def ready(self) -> None:
        """Wire the parts together once Django is configured."""
        # The checks judge views and models, which cannot be imported before this moment.
        import_module("quintet.checks")
        metrics.configure(conf.current())
        traces.configure(conf.current())
        if traces.enabled():
            trace_statements()
        lifecycle.at_stop(output.flush)  # first: what was registered last comes first at the end
        lifecycle.at_stop(close_pools)
        lifecycle.at_stop(traces.flush)
        _watch(conf.current())
        if Path(sys.argv[0]).name in MANAGEMENT_PROGRAMS:
            context.bind(context.new())
            sys.excepthook = log_uncaught


def _watch(env: ServiceSettings) -> None:
    """Tell the monitor what to look at, in each process that has one."""
    turning.share(shared_folder())
    monitor.current.every(turning.LOOK_SECONDS, "levels", run=turning.follow)
    sampler = sampling.Sampler(env, folder=shared_folder())
    monitor.current.every(sampling.SECONDS, "resources", run=sampler.look)
    lifecycle.at_stop(monitor.current.stop)


def log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Log what ended a management command under its correlation id; people at a terminal see it."""
    if issubclass(kind, KeyboardInterrupt) or (sys.stderr is not None and sys.stderr.isatty()):
        sys.__excepthook__(kind, error, trace)
    else:
        log.critical("the command failed", exc_info=(kind, error, trace))
