"""How commands talk to a running supervisor: JSON lines over a socket for this user only."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quintet.fleet.gateway import NOTICE_SECONDS
from quintet.fleet.unit import State

if TYPE_CHECKING:
    from quintet.fleet.supervisor import Supervisor
    from quintet.fleet.unit import Unit

SOCKET = "control.sock"
RESTART_SECONDS = 120.0
NOTICED_SECONDS = 3 * NOTICE_SECONDS

Json = dict[str, Any]
Send = Callable[[Json], Awaitable[None]]


class Refused(Exception):
    """The supervisor understood the request and cannot do it."""


class NotRunning(Exception):
    """No supervisor listens on the socket of this state directory."""


class Control:
    """The supervisor's side: one request per connection, then answers until it closes."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._commands: dict[str, Callable[[Json, Send], Awaitable[None]]] = {
            "status": self._status,
            "wait": self._wait,
            "restart": self._restart,
            "logs": self._logs,
            "environment": self._environment,
            "down": self._down,
        }

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen as long as the block runs."""
        directory = self._supervisor.places.state
        server = await asyncio.start_unix_server(self._answer, sock=_listener(directory))
        try:
            yield
        finally:
            server.close()
            (directory / SOCKET).unlink(missing_ok=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def send(answer: Json) -> None:
            writer.write(json.dumps(answer, default=str).encode() + b"\n")
            await writer.drain()

        with contextlib.suppress(ConnectionError):
            try:
                request = json.loads(await reader.readline())
                await self._commands[request["command"]](request, send)
            except (Refused, KeyError, TypeError, ValueError) as error:
                await send({"error": str(error)})
            finally:
                writer.close()

    async def _status(self, _request: Json, send: Send) -> None:
        await send(self._supervisor.status())

    async def _wait(self, request: Json, send: Send) -> None:
        supervisor = self._supervisor
        await (supervisor.planned if request.get("services") else supervisor.came_up).wait()
        names = tuple(request.get("services") or supervisor.units)
        self._known(names)
        while True:
            await supervisor.settled(names)
            states = {name: supervisor.units[name].state for name in names}
            if State.DEGRADED not in states.values():
                break
            await asyncio.sleep(0.2)
        await send(supervisor.status())

    async def _restart(self, request: Json, send: Send) -> None:
        name = str(request["service"])
        self._known((name,))
        units = self._supervisor.replicas(name)
        if request.get("rolling"):
            await _one_after_the_other(units)
        else:
            await asyncio.gather(*(_renew(unit) for unit in units))
        await send({"name": name, "units": [_outcome(unit) for unit in units]})

    async def _logs(self, request: Json, send: Send) -> None:
        wanted = set(request.get("services") or ())
        with self._supervisor.logbook.follow() as queue:
            while True:
                name, line = await queue.get()
                if not wanted or name in wanted:
                    await send({"name": name, "line": line})

    async def _environment(self, request: Json, send: Send) -> None:
        supervisor = self._supervisor
        name = str(request["service"])
        if name not in supervisor.wiring.ports:
            raise Refused(f"{name} has no environment yet; wait until the servers run")
        await send(dict(supervisor.wiring.environment(name)))

    async def _down(self, _request: Json, send: Send) -> None:
        self._supervisor.stopping.set()
        await send({"stopping": True})

    def _known(self, names: tuple[str, ...]) -> None:
        unknown = [name for name in names if name not in self._supervisor.units]
        if unknown:
            known = ", ".join(self._supervisor.units)
            raise Refused(f"nothing is called {unknown[0]!r}; there are {known}")


async def _one_after_the_other(units: list[Unit]) -> None:
    """Leave the next one alone until the gateway, too, knows that the last one is back."""
    for unit in units[:-1]:
        await _renew(unit)
        await asyncio.sleep(NOTICED_SECONDS)
    await _renew(units[-1])


async def _renew(unit: Unit) -> None:
    try:
        await asyncio.wait_for(unit.restart(), RESTART_SECONDS)
    except TimeoutError:
        raise Refused(f"{unit.name} did not become ready: {unit.facts.reason}") from None
    if unit.state is not State.READY:
        raise Refused(f"{unit.name} is {unit.state}: {unit.facts.reason}")


def _outcome(unit: Unit) -> Json:
    return {"name": unit.name, "state": str(unit.state), "pid": unit.facts.pid}


def ask(directory: Path, request: Json, *, timeout_seconds: float | None = None) -> Iterator[Json]:
    """Send a request to the supervisor of the directory, and yield its answers.

    Raises:
        NotRunning: Nobody listens.
        Refused: The supervisor answered with an error.
        TimeoutError: It said nothing for that long.
    """
    with _connected(directory) as connection:
        connection.settimeout(timeout_seconds)
        connection.sendall(json.dumps(request).encode() + b"\n")
        for line in connection.makefile("rb"):
            answer = json.loads(line)
            if "error" in answer:
                raise Refused(answer["error"])
            yield answer


def _connected(directory: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        with contextlib.chdir(directory):
            connection.connect(SOCKET)
    except OSError as error:
        connection.close()
        raise NotRunning(str(directory)) from error
    return connection


def _listener(directory: Path) -> socket.socket:
    """Bind by a relative name: the kernel takes 108 bytes, and clones live in deep directories."""
    listener = socket.socket(socket.AF_UNIX)
    with contextlib.chdir(directory):
        Path(SOCKET).unlink(missing_ok=True)
        listener.bind(SOCKET)
        os.chmod(SOCKET, 0o600)  # noqa: PTH101 - beside the relative bind
    return listener
