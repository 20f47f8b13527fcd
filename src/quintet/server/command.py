"""``quintet serve``: one service, as production runs it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

import click

from quintet.lifecycle import phase
from quintet.server import multiprocess
from quintet.server.startup import (
    SETTINGS_VARIABLE,
    CannotStart,
    end_when_told,
    load,
    was_told_to_end,
)

if TYPE_CHECKING:
    from quintet.server.startup import WSGIApplication

EXTRAS = {"gunicorn": "server", "granian": "granian"}


class Server(Protocol):
    """Serves until it is told to end, and leaves with ``SystemExit`` or returns."""

    def run(self) -> None: ...


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
        with multiprocess.metrics_directory(os.environ.get("METRICS_DIR", "")) as directory:
            phase.share(directory / "phase")
            _run()
    except (CannotStart, multiprocess.TooLate, multiprocess.Unusable) as error:
        raise click.ClickException(str(error)) from error
    except Exception as error:
        if was_told_to_end():  # Python makes other errors of a SystemExit, in __set_name__ for one
            raise SystemExit(0) from error
        raise


def _run() -> None:
    application = load()
    from quintet import lifecycle  # late: Django has to be set up

    master, code = os.getpid(), None
    try:
        _server(application).run()
    except SystemExit as stopped:
        if os.getpid() != master:
            raise  # the exit code of a worker is its server's own business
        code = stopped.code
    lifecycle.tidy_up()
    if phase.was_cut_short():
        raise SystemExit(lifecycle.CUT_SHORT)
    raise SystemExit(1 if code else 0)


def _server(application: WSGIApplication) -> Server:
    """Make the server that the settings name; only that one is imported."""
    from quintet import conf  # late: as above

    env = conf.current()
    try:
        if env.SERVER == "granian":
            if not env.PORT:
                raise CannotStart("PORT is 0, which granian does not know. Name a port.")
            from quintet.server.granian import ServiceServer

            return ServiceServer(env)
        from quintet.server.application import ServiceApplication
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != env.SERVER:
            raise
        raise CannotStart(
            f"SERVER is {env.SERVER}, which is not installed.\n"
            f"Install quintet[{EXTRAS[env.SERVER]}], or name the other one."
        ) from error
    return ServiceApplication(application, env)
