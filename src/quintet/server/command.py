"""``quintet serve``: one service, as production runs it."""

from __future__ import annotations

import os

import click

from quintet.server import multiprocess
from quintet.server.startup import SETTINGS_VARIABLE, CannotStart, end_when_told, load


@click.command()
def serve() -> None:
    """Run the service that DJANGO_SETTINGS_MODULE names, as production does.

    Address and size come from the settings: HOST, PORT, WEB_WORKERS, MAX_IN_FLIGHT, METRICS_DIR.

    Example: DJANGO_SETTINGS_MODULE=orders.settings quintet serve
    """
    if not os.environ.get(SETTINGS_VARIABLE):
        raise click.UsageError(
            f"{SETTINGS_VARIABLE} is not set. Name the settings of a service: orders.settings."
        )
    end_when_told()
    try:
        # From the environment, since settings are read only after the directory is named.
        with multiprocess.metrics_directory(os.environ.get("METRICS_DIR", "")):
            _run()
    except (CannotStart, multiprocess.TooLate, multiprocess.Unusable) as error:
        raise click.ClickException(str(error)) from error


def _run() -> None:
    application = load()
    # Late: Django has to be set up, and the metrics directory named.
    from quintet import conf, lifecycle
    from quintet.lifecycle import phase
    from quintet.server.application import ServiceApplication
    from quintet.server.arbiter import CUT_SHORT

    master = os.getpid()
    try:
        ServiceApplication(application, conf.current()).run()
    except SystemExit as stopped:
        if os.getpid() != master:
            raise  # the exit code of a worker is gunicorn's own business
        lifecycle.tidy_up()
        if phase.was_cut_short():
            raise SystemExit(CUT_SHORT) from stopped
        if stopped.code in {0, None}:
            raise
        raise SystemExit(1) from stopped
