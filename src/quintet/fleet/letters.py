"""``dlq``: the dead letters of the services that handle events."""

from __future__ import annotations

import json

import click

from quintet.cli import CommandError, print_json
from quintet.fleet import description
from quintet.fleet.commands import json_option
from quintet.fleet.manage import run
from quintet.fleet.places import Places

DEEDS = ("list", "show", "retry", "drop")


@click.command()
@click.argument("deed", type=click.Choice(DEEDS))
@click.argument("service", default="")
@click.argument("numbers", nargs=-1, type=int, metavar="[NUMBER]...")
@click.option("--all", "everything", is_flag=True, help="All of the service, instead of numbers.")
@json_option
def dlq(
    *, deed: str, service: str, numbers: tuple[int, ...], everything: bool, as_json: bool
) -> None:
    """List the events that could not be handled, show them, let them be tried again, or drop them.

    Example: quintet dlq retry payments --all
    """
    places = Places.here()
    system = description.load(places.description)
    services = _chosen(system, service, deed=deed)
    words = (*map(str, numbers), *(["--all"] if everything else []))
    if as_json:
        found = {name: _listed(places, system, name) for name in services}
        print_json(found)
        return
    for name in services:
        if deed == "list":
            click.echo(f"{name}:")
        ended = run(places, system, name, command=("quintet_dlq", deed, *words))
        if ended.returncode != 0:
            raise CommandError(
                f"{name} did not {deed} its dead letters", remedy=f"quintet dlq list {name}"
            )


def _chosen(system: description.System, service: str, *, deed: str) -> list[str]:
    """The services that are meant: the named one, or to list all that handle events."""
    known = [name for name, one in system.services.items() if one.subscribes]
    if service and service not in known:
        raise CommandError(
            f"{service!r} handles no events", why=f"quintet.yaml names: {', '.join(known)}"
        )
    if not service and deed != "list":
        raise click.UsageError(f"Say whose: quintet dlq {deed} SERVICE.")
    return [service] if service else known


def _listed(places: Places, system: description.System, name: str) -> object:
    """What a service says, which is the last line: the others are its log."""
    ended = run(places, system, name, command=("quintet_dlq", "list", "--json"), typed="")
    if ended.returncode != 0:
        raise CommandError(f"{name} did not list its dead letters", why=ended.stdout[-500:])
    return json.loads(ended.stdout.strip().splitlines()[-1])
