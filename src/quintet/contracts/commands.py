"""``openapi`` and ``events``: write the contracts of the services, and say where they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from quintet.cli import CommandError
from quintet.contracts import drift, files
from quintet.contracts.clients import callers_of, clients_of
from quintet.contracts.promised import promised_by
from quintet.contracts.quarrels import quarrels_of
from quintet.fleet import description
from quintet.fleet.places import Places

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quintet.contracts.drift import Drift
    from quintet.contracts.promised import Promised

check_option = click.option("--check", is_flag=True, help="Write nothing; fail if it would.")


@click.group()
def openapi() -> None:
    """Write the OpenAPI documents of the services, and the clients that are made of them.

    Example: quintet openapi write --check
    """


@openapi.command("write")
@click.argument("services", nargs=-1)
@check_option
@click.option("--breaking", is_flag=True, help="Also what a caller can stumble over.")
def write_openapi(*, services: tuple[str, ...], check: bool, breaking: bool) -> None:
    """Write contracts/SERVICE.openapi.json from the code of the services, or of all of them.

    Example: quintet openapi write orders
    """
    places = Places.here()
    system = description.load(places.description)
    found = [
        drift.of_openapi(
            places.root,
            name,
            wanted=promised.openapi,
            callers=callers_of(places.root, system, name),
        )
        for name, promised in _promised(places, services)
    ]
    _settle([one for one in found if one], check=check, breaking=breaking)


@openapi.command("client")
@click.argument("services", nargs=-1)
@click.option("--for", "caller", default="", help="The service that calls; all, unless named.")
@check_option
def write_clients(*, services: tuple[str, ...], caller: str, check: bool) -> None:
    """Write the typed clients of the named services, or of all, from their contracts.

    Example: quintet openapi client users --for orders
    """
    places = Places.here()
    system = description.load(places.description)
    wanted, callers = chosen(system, services), chosen(system, [caller] if caller else [])
    made = [one for it in callers for one in clients_of(places.root, system, it)]
    differing = [one for one in made if one.service in wanted and not one.is_written]
    if check and differing:
        raise CommandError(
            f"{', '.join(one.title for one in differing)}: not what the contract says",
            why="the contract, or what is used of it, has changed since it was generated",
            remedy="quintet openapi client",
        )
    for one in differing:
        one.write()
        click.echo(f"wrote {one.title}")
    if not differing:
        click.echo("every client says what its contract says")


@click.group()
def events() -> None:
    """Write the schemas of the events that the services publish.

    Example: quintet events write --check
    """


@events.command("write")
@click.argument("services", nargs=-1)
@check_option
def write_events(*, services: tuple[str, ...], check: bool) -> None:
    """Write contracts/events/TYPE.schema.json from the code of the services, or of all of them.

    A version of an event is a promise for good: what breaks it is not written. What the handlers of
    the services read is compared with what is promised to them.

    Example: quintet events write orders
    """
    places = Places.here()
    system = description.load(places.description)
    promised = dict(_promised(places, services))
    found = [
        one for name, told in promised.items() for one in drift.of_events(places.root, name, told)
    ]
    _settle(found, check=check, breaking=False)
    quarrels = [
        one
        for name, told in promised.items()
        for one in quarrels_of(places.root, name, service=system.services[name], promised=told)
    ]
    if quarrels:
        raise CommandError(
            "events are not what somebody says they are",
            why="; ".join(one.what for one in quarrels),
            remedy="; ".join(dict.fromkeys(one.remedy for one in quarrels)),
        )


def _promised(places: Places, services: tuple[str, ...]) -> Iterable[tuple[str, Promised]]:
    system = description.load(places.description)
    for name in chosen(system, services):
        yield name, promised_by(name, places.root / system.services[name].path)


def chosen(system: description.System, services: Iterable[str]) -> list[str]:
    """The services that are meant: the named ones, or all.

    Raises:
        CommandError: There is none of this name.
    """
    names = list(services) or sorted(system.services)
    for name in names:
        if name not in system.services:
            known = ", ".join(system.services)
            raise CommandError(f"there is no service {name!r}", why=f"quintet.yaml names: {known}")
    return names


def _settle(found: list[Drift], *, check: bool, breaking: bool) -> None:
    """Write what differs, or say that it does."""
    for one in found:
        click.echo("\n".join(one.lines()))
    refused = [one for one in found if check or (one.breaking and not breaking)]
    for one in found:
        if one not in refused:
            files.write(one.file, one.wanted)
            click.echo(f"wrote {one.file.name}")
    if refused:
        raise CommandError(
            f"{', '.join(one.file.name for one in refused)}: not what the code says",
            why="; ".join(f"{one.file.name} is {one.verdict}" for one in refused),
            remedy="; ".join(dict.fromkeys(one.remedy for one in refused)),
        )
    if not found:
        click.echo("every contract says what the code says")
