"""``log-level`` and ``profile``: commands that ask a running service through its inner doors."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quintet.cli import CommandError, print_json
from quintet.fleet.commands import ask, json_option
from quintet.fleet.description import service_of
from quintet.fleet.places import Places

if TYPE_CHECKING:
    from collections.abc import Iterator

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "BACK")
MOST_PROFILE_SECONDS = 30.0
SLACK_SECONDS = 15.0
OK = 200

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"(\d{1,5})([smh]?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One process of a service that listens, and the token that lets us in."""

    name: str
    pid: int
    port: int
    token: str

    def post(
        self, path: str, wish: dict[str, Any] | None = None, *, timeout_seconds: float = 10.0
    ) -> str:
        """Ask for something and return the answer.

        Raises:
            CommandError: It does not answer, or refuses.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_seconds)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        try:
            connection.request("POST", path, json.dumps(wish or {}), headers)
            response = connection.getresponse()
            answer = response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise CommandError(
                f"{self.name} does not answer", why=str(error), remedy="quintet status"
            ) from error
        finally:
            connection.close()
        if response.status != OK:
            raise CommandError(f"{self.name} refuses", why=_reason(answer, response.status))
        return answer


@click.command("log-level")
@click.argument("service")
@click.argument("level", type=click.Choice(LEVELS, case_sensitive=False))
@click.option(
    "--logger", default="root", show_default=True, help="A logger, or clients, sql or web."
)
@click.option(
    "--for",
    "duration",
    default="10m",
    show_default=True,
    help="How long: 90s, 10m, 1h; an hour at most.",
    callback=lambda _context, _option, given: seconds_of(given),
)
@json_option
def log_level(*, service: str, level: str, logger: str, duration: int, as_json: bool) -> None:
    """Change the level of a service's log for a while, in all its processes; BACK ends it now.

    Example: quintet log-level orders DEBUG --for 10m
    """
    wish = {"name": logger, "level": None if level == "BACK" else level, "seconds": duration}
    answers = {door.name: json.loads(door.post("/loggers", wish)) for door in doors_of(service)}
    if as_json:
        print_json({name: answer["changed"] for name, answer in answers.items()})
        return
    for name in answers:
        back = f"{name}: {logger} is back"
        click.echo(back if level == "BACK" else f"{name}: {logger} is {level} for {duration} s")


@click.command()
@click.argument("service")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1, max=MOST_PROFILE_SECONDS),
    default=5.0,
    show_default=True,
    help="How long to look.",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file.")
@click.option("--py-spy", is_flag=True, help="Let py-spy look, from outside of the process.")
def profile(*, service: str, seconds: float, output: Path | None, py_spy: bool) -> None:
    """Look at a running process and print its stacks, for a flame graph: flamegraph.pl, speedscope.

    Example: quintet profile orders --seconds 5 -o orders.txt
    """
    door = next(doors_of(service))
    stacks = _by_py_spy(door, seconds) if py_spy else _by_itself(door, seconds)
    if output is None:
        click.echo(stacks, nl=False)
        return
    output.write_text(stacks, encoding="utf-8")
    click.echo(f"{sum(1 for _ in stacks.splitlines())} stacks of {door.name} in {output}")


def doors_of(service: str) -> Iterator[Door]:
    """All processes of a service that listen.

    Raises:
        CommandError: The system does not run, or has no such service.
    """
    places = Places.here()
    units = ask(places, {"command": "status"})["units"]
    found = [
        unit
        for unit in units
        if unit["kind"] == "service" and service in {unit["name"], service_of(unit["name"])}
    ]
    running = [unit for unit in found if unit["pid"] and unit["port"]]
    if not running:
        known = ", ".join(unit["name"] for unit in units if unit["kind"] == "service")
        raise CommandError(
            f"{service} does not run" if found else f"there is no service {service!r}",
            why=f"services are: {known}",
            remedy="quintet status",
        )
    for unit in running:
        environment = ask(places, {"command": "environment", "service": unit["name"]})
        yield Door(
            name=unit["name"],
            pid=unit["pid"],
            port=unit["port"],
            token=environment.get("HEALTH_TOKEN", ""),
        )


def seconds_of(duration: str) -> int:
    """Read ``90``, ``90s``, ``10m`` or ``1h``."""
    match = _DURATION.fullmatch(duration.strip())
    if match is None or not (seconds := int(match[1]) * _UNITS[match[2]]):
        raise click.BadParameter("write it as 90s, 10m or 1h")
    return seconds


def _by_itself(door: Door, seconds: float) -> str:
    return door.post(f"/profile?seconds={seconds:g}", timeout_seconds=seconds + SLACK_SECONDS)


def _by_py_spy(door: Door, seconds: float) -> str:
    program = shutil.which("py-spy")
    if program is None:
        raise CommandError("py-spy is not installed", remedy="pip install py-spy, or without it")
    looking = [program, "record", "--pid", str(door.pid), "--subprocesses", "--format", "raw"]
    ended = subprocess.run(
        [*looking, "--duration", str(max(1, round(seconds))), "--output", "/dev/stdout"],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + SLACK_SECONDS,
    )
    if ended.returncode:
        raise CommandError("py-spy failed", why=ended.stderr.strip()[-500:])
    return ended.stdout


def _reason(answer: str, status: int) -> str:
    try:
        return str(json.loads(answer)["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return f"status {status}"
