"""``manage``: a management command of a service, with the environment that the fleet gives it."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from quintet.cli import CommandError
from quintet.fleet import description
from quintet.fleet.commands import ask
from quintet.fleet.places import Places

TERMINAL = ("TERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "EDITOR", "PAGER")


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("service")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def manage(context: click.Context, *, service: str, command: tuple[str, ...]) -> None:
    """Run a management command of a service; the system has to run, since it holds the database.

    Example: quintet manage users migrate --plan
    """
    places = Places.here()
    system = description.load(places.description)
    if service not in system.services:
        known = ", ".join(system.services)
        raise CommandError(f"there is no service {service!r}", why=f"quintet.yaml names: {known}")
    ended = run(places, system, service, command=command or ("help",))
    context.exit(ended.returncode if ended.returncode >= 0 else 1)


def run(
    places: Places,
    system: description.System,
    service: str,
    *,
    command: tuple[str, ...],
    typed: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the command in the folder of the service; with ``typed`` as input its output is kept.

    Raises:
        CommandError: The system does not run.
    """
    environment = ask(places, {"command": "environment", "service": service})
    terminal = {name: os.environ[name] for name in TERMINAL if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=places.root / system.services[service].path,
        env={**environment, **terminal},
        input=typed,
        stdout=None if typed is None else subprocess.PIPE,
        stderr=None if typed is None else subprocess.STDOUT,
        text=True,
        check=False,
    )
