"""``up``, ``wait``, ``status``, ``logs``, ``restart`` and ``down``."""

from __future__ import annotations

import json
import math
import shutil
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from quintet.cli import CommandError, print_json
from quintet.fleet import banner, control, logbook, record, render
from quintet.fleet.places import Places

if TYPE_CHECKING:
    from pathlib import Path

WAIT_SECONDS = 300.0
DOWN_SECONDS = 60.0
LOG_LINES = 20

json_option = click.option("--json", "as_json", is_flag=True, help="Print data as JSON.")


@click.command()
@click.option("-d", "--detach", is_flag=True, help="Return when everything is ready.")
@click.option("--reload", is_flag=True, help="Restart what a change of the code touches.")
@click.option("--timings", is_flag=True, help="Print how long each phase took, and the memory.")
@click.option("--plain", is_flag=True, help="No colours.")
@click.option("--quiet", is_flag=True, help="Do not print the lines of the services.")
@json_option
def up(*, detach: bool, **wishes: bool) -> None:
    """Start the servers, the services and the gateway, and stay until Ctrl-C.

    Example: quintet up --detach && quintet demo
    """
    # Imported here: the supervisor and asyncio are needed by no other command.
    from quintet.fleet import bringing_up

    start = bringing_up.detached if detach else bringing_up.attached
    start(Places.here(), bringing_up.Wishes(**wishes))


@click.command()
@click.argument("services", nargs=-1)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1, max=86_400),
    callback=lambda _context, _option, given: _a_number(given),
    default=WAIT_SECONDS,
    show_default=True,
    help="Seconds to wait.",
)
@json_option
def wait(*, services: tuple[str, ...], timeout: float, as_json: bool) -> None:
    """Wait until the named services are ready, or everything.

    Example: quintet wait orders
    """
    request = {"command": "wait", "services": list(services)}
    status = ask(Places.here(), request, timeout_seconds=timeout)
    chosen = [unit for unit in status["units"] if not services or unit["name"] in services]
    bad = [unit for unit in chosen if unit["state"] != "ready"]
    if as_json:
        print_json(chosen)
    if bad:
        raise not_ready(Places.here(), bad)
    if not as_json:
        click.echo(f"ready: {', '.join(unit['name'] for unit in chosen)}")


@click.command()
@json_option
def status(*, as_json: bool) -> None:
    """Show each server and service: its state, process and port.

    Example: quintet status --json
    """
    found = ask(Places.here(), {"command": "status"})
    if as_json:
        print_json(found)
        return
    click.echo(banner.table(found))
    if found["gateway"]:
        click.echo(f"\nGateway {found['gateway']}")


@click.command()
@click.argument("services", nargs=-1)
@click.option("-f", "--follow", is_flag=True, help="Stay, and print lines as they come.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=0, max=1_000_000),
    default=LOG_LINES,
    show_default=True,
    help="Lines of the past.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object in each line.")
def logs(*, services: tuple[str, ...], follow: bool, lines: int, as_json: bool) -> None:
    """Show the last lines of the named services, or of everything.

    Example: quintet logs orders payments --follow
    """
    places = Places.here()
    names = services or tuple(logbook.names(places.logs))
    unknown = [name for name in names if name not in logbook.names(places.logs)]
    if unknown:
        known = ", ".join(logbook.names(places.logs)) or "none yet"
        raise CommandError(
            f"there is no log of {unknown[0]!r}",
            why=f"{places.logs} has logs of: {known}",
            remedy="quintet status",
        )
    for name, line in _past(places, names, lines):
        _print_line(name, line, names, as_json=as_json)
    if follow:
        _follow(places, names, as_json=as_json)


@click.command()
@click.argument("service")
@click.option("--rolling", is_flag=True, help="One replica after the other.")
@json_option
def restart(*, service: str, rolling: bool, as_json: bool) -> None:
    """Restart one service with all its replicas, or one of them; return when it is ready again.

    Example: quintet restart orders --rolling
    """
    request = {"command": "restart", "service": service, "rolling": rolling}
    answer = ask(Places.here(), request)
    if as_json:
        print_json(answer["units"])
        return
    for unit in answer["units"]:
        click.echo(f"{unit['name']} is {unit['state']}, pid {unit['pid']}")


@click.command()
@click.option("--volumes", is_flag=True, help="Remove the data of the databases as well.")
@click.option("--yes", is_flag=True, help="Do not ask before data is removed.")
@json_option
def down(*, volumes: bool, yes: bool, as_json: bool) -> None:
    """Stop everything; data stays unless --volumes is given.

    Example: quintet down --volumes --yes
    """
    places = Places.here()
    doomed = [path for path in places.volumes.values() if path.exists()] if volumes else []
    _confirm(doomed, yes=yes)
    stopped = _stop(places)
    for path in doomed:
        shutil.rmtree(path)
    if as_json:
        print_json({"stopped": stopped, "removed": [str(path) for path in doomed]})
        return
    click.echo("stopped" if stopped else "nothing was running")
    for path in doomed:
        click.echo(f"removed {path}")


def ask(
    places: Places, request: control.Json, *, timeout_seconds: float = WAIT_SECONDS
) -> control.Json:
    """Return the first answer of the running supervisor.

    Raises:
        CommandError: It does not run, refuses, or says nothing for too long.
    """
    try:
        return next(control.ask(places.state, request, timeout_seconds=timeout_seconds))
    except control.NotRunning as error:
        raise CommandError(
            "the system is not running",
            why=f"no supervisor listens in {places.state}",
            remedy="quintet up",
        ) from error
    except control.Refused as error:
        raise CommandError(str(error), remedy="quintet status") from error
    except TimeoutError as error:
        raise CommandError(
            f"there was no answer within {timeout_seconds:g} s", remedy="quintet status"
        ) from error
    except (StopIteration, ConnectionError, json.JSONDecodeError) as error:
        raise CommandError("the system stopped meanwhile", remedy="quintet up") from error


def not_ready(places: Places, units: list[dict[str, Any]]) -> CommandError:
    """Return the error that names what is not ready, after printing the last lines of its log."""
    for unit in units:
        if unit["state"] != "crashed":
            continue
        for line in logbook.tail(places.logs, unit["name"], lines=LOG_LINES):
            click.echo(f"{unit['name']} │ {render.short(line)}", err=True)
    said = ", ".join(f"{unit['name']} is {unit['state']} ({unit['reason']})" for unit in units)
    return CommandError(
        f"not everything is ready: {said}",
        why="the last lines of its log are above",
        remedy=f"quintet logs {units[0]['name']} -n 100, then quintet restart {units[0]['name']}",
    )


def _a_number(given: float) -> float:
    """Refuse NaN, which no range refuses because it compares with nothing."""
    if math.isnan(given):
        raise click.BadParameter("it is not a number")
    return given


def _past(places: Places, names: tuple[str, ...], lines: int) -> list[tuple[str, str]]:
    """Return the last lines of all logs, in the order of their timestamps where they have one."""
    found: list[tuple[str, str, str]] = []
    for name in names:
        stamp = ""
        for line in logbook.tail(places.logs, name, lines=lines):
            fields = render.fields_of(line) or {}
            stamp = str(fields.get("timestamp") or stamp)
            found.append((stamp, name, line))
    found.sort(key=lambda entry: entry[0])
    return [(name, line) for _, name, line in found]


def _follow(places: Places, names: tuple[str, ...], *, as_json: bool) -> None:
    request = {"command": "logs", "services": list(names)}
    try:
        for answer in control.ask(places.state, request):
            _print_line(answer["name"], answer["line"], names, as_json=as_json)
    except control.NotRunning as error:
        raise CommandError(
            "there is nothing to follow", why="the system is not running", remedy="quintet up"
        ) from error
    except KeyboardInterrupt:
        return


def _print_line(name: str, line: str, names: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        structured = render.fields_of(line) is not None
        click.echo(line if structured else json.dumps({"service": name, "message": line}))
        return
    width = max(len(one) for one in names)
    colour = render.colour_of(name, names)
    click.echo(render.prefixed(name, line, width=width, colour=colour))


def _confirm(doomed: list[Path], *, yes: bool) -> None:
    if not doomed or yes:
        return
    click.echo("This removes:", err=True)
    for path in doomed:
        click.echo(f"  {path}", err=True)
    if sys.stdin.isatty():
        click.confirm("Go on?", abort=True, err=True)


def _stop(places: Places) -> bool:
    """End the supervisor if there is one, else what an interrupted one left.

    One that starts or stops does not listen yet or any more, and its children are its own.
    """
    if not record.held(places.state):
        return bool(record.end_leftovers(places.record))
    deadline = time.monotonic() + DOWN_SECONDS
    while record.held(places.state):
        with suppress(control.NotRunning, OSError):
            next(control.ask(places.state, {"command": "down"}, timeout_seconds=DOWN_SECONDS), None)
        if time.monotonic() > deadline:
            raise CommandError(
                f"the supervisor did not stop within {DOWN_SECONDS:g} s",
                remedy="quintet status, or kill -9 it: its watchdog ends the rest",
            )
        time.sleep(0.05)
    return True
