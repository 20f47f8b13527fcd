"""``up``: in the foreground it prints the lines of all services, detached it returns when ready."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import click

from quintet.cli import CommandError, print_json
from quintet.embedded.server import Unavailable
from quintet.fleet import banner, commands, control, description, record, render
from quintet.fleet.record import AlreadyRunning
from quintet.fleet.supervisor import Supervisor

if TYPE_CHECKING:
    from pathlib import Path

    from quintet.fleet.places import Places

START_SECONDS = 300.0
OWN_LOG_LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The options of ``up``."""

    reload: bool = False
    timings: bool = False
    plain: bool = False
    quiet: bool = False
    as_json: bool = False


def attached(places: Places, wishes: Wishes) -> None:
    """Run the system in this process until it is stopped."""
    if wishes.plain or not sys.stdout.isatty():
        click.get_current_context().color = False
    system = description.load(places.description)
    try:
        asyncio.run(_run(places, system, wishes))
    except AlreadyRunning as error:
        raise already_running(places, error.pid) from error
    except Unavailable as error:
        raise CommandError(
            "the system cannot start", why=error.reason, remedy=error.remedy
        ) from error
    except OSError as error:
        raise CommandError(
            "the system cannot start", why=str(error), remedy=f"look at {places.state}"
        ) from error


def detached(places: Places, wishes: Wishes) -> None:
    """Start a supervisor of its own, and return when everything is ready."""
    places.make()
    try:
        record.hold(places.state).close()
    except AlreadyRunning as error:
        raise already_running(places, error.pid) from error
    own_log = places.logs / "quintet.log"
    started = time.monotonic()
    supervisor = _spawn(places, own_log, wishes)
    try:
        status = _wait_for(places, supervisor, own_log)
    except KeyboardInterrupt:
        supervisor.terminate()
        supervisor.wait()
        raise
    bad = [unit for unit in status["units"] if unit["state"] != "ready"]
    if bad:
        raise commands.not_ready(places, bad)
    if wishes.as_json:
        print_json(status)
        return
    click.echo(banner.text(status, detached=True))
    if wishes.timings:
        phases = _launcher_phase(started) | status["phases"]
        click.echo(banner.timings(phases, status["memory_bytes"]))


def already_running(places: Places, pid: int) -> CommandError:
    """Return the error of a second ``up`` on the same state directory."""
    return CommandError(
        "the system is already running",
        why=f"process {pid or 'unknown'} holds {places.state}",
        remedy="quintet status, or quintet down",
    )


async def _run(places: Places, system: description.System, wishes: Wishes) -> None:
    started = time.monotonic()
    supervisor = Supervisor(places, system, say=_say_aside if wishes.as_json else _say)
    silent = wishes.quiet or wishes.as_json
    tasks = [] if silent else [asyncio.create_task(_echo(supervisor, system))]
    if wishes.reload:
        # Imported here: the watcher brings a compiled library that only --reload needs.
        from quintet.fleet import reload

        tasks.append(asyncio.create_task(reload.watch(supervisor)))
    try:
        await supervisor.run(lambda up: _announce(up, wishes, started))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _announce(supervisor: Supervisor, wishes: Wishes, started: float) -> None:
    status = supervisor.status()
    if wishes.as_json:
        _print(json.dumps(status, indent=2, default=str))
        return
    _print(banner.text(status, detached=False))
    if wishes.timings:
        phases = _launcher_phase(started) | status["phases"]
        _print(banner.timings(phases, status["memory_bytes"]))


async def _echo(supervisor: Supervisor, system: description.System) -> None:
    """Print the lines of the services and the gateway; those of the servers are in their files."""
    names = (*system.processes(), "gateway")
    width = max(len(name) for name in names)
    with supervisor.logbook.follow() as queue:
        while True:
            name, line = await queue.get()
            if name in names:
                colour = render.colour_of(name, names)
                _print(render.prefixed(name, line, width=width, colour=colour))


def _print(words: str, *, aside: bool = False) -> None:
    """Print; a closed terminal, a reader that left or a full disk must not stop the supervisor."""
    try:
        click.echo(words, err=aside)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            _send_nowhere(sys.stderr if aside else sys.stdout)


def _send_nowhere(stream: TextIO) -> None:
    """Nobody will read the stream again; what it still holds must not fail at the end either."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _say(words: str, *, aside: bool = False) -> None:
    _print(f"{click.style('quintet', bold=True)} │ {words}", aside=aside)


def _say_aside(words: str) -> None:
    """Say it on standard error, when standard output belongs to JSON."""
    _say(words, aside=True)


def _spawn(places: Places, own_log: Path, wishes: Wishes) -> subprocess.Popen[bytes]:
    options = ["--reload"] if wishes.reload else []
    with own_log.open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "quintet", "up", "--plain", "--quiet", *options],
            cwd=places.root,
            env=dict(os.environ) | {"QUINTET_STATE": str(places.state)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_for(places: Places, supervisor: subprocess.Popen[bytes], own_log: Path) -> dict[str, Any]:
    request = {"command": "wait", "services": []}
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if supervisor.poll() is not None:
            raise _ended(own_log)
        try:
            return next(control.ask(places.state, request, timeout_seconds=START_SECONDS))
        except (control.NotRunning, StopIteration):
            time.sleep(0.05)
        except (control.Refused, TimeoutError) as error:
            raise CommandError(
                "the system did not start", why=str(error), remedy="quintet status, quintet down"
            ) from error
    raise CommandError(
        f"the system is not up after {START_SECONDS:g} s", remedy="quintet status, quintet down"
    )


def _ended(own_log: Path) -> CommandError:
    lines = own_log.read_text(encoding="utf-8", errors="replace").splitlines()
    for line in lines[-OWN_LOG_LINES:]:
        click.echo(line, err=True)
    return CommandError(
        "the system did not start", why="its last lines are above", remedy=f"read {own_log}"
    )


def _launcher_phase(started: float) -> dict[str, float]:
    """What the launcher took before Python ran, when it told us when it began."""
    launched = os.environ.get("QUINTET_LAUNCHED_AT", "")
    if not launched.isdigit():
        return {}
    return {"install": max(0.0, time.time() - (time.monotonic() - started) - int(launched))}
