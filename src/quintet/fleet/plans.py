"""How each kind of unit is started: an embedded server, a service, and the worker beside one."""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quintet.embedded import spawn
from quintet.embedded.server import Launch, NotReady, Server, Unavailable
from quintet.fleet import readiness
from quintet.fleet.unit import CannotStart

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from quintet.fleet.roster import Roster

SERVE = (sys.executable, "-m", "quintet", "serve")
MANAGE = (sys.executable, "manage.py")
MIGRATE = (*MANAGE, "migrate", "--noinput", "--verbosity", "1")


class ServerPlan:
    """Runs an embedded server; the blocking parts happen in a thread."""

    def __init__(self, server: Server, *, kind: str = "server") -> None:
        self.server = server
        self.kind = kind

    async def prepare(self) -> Launch:
        try:
            return await asyncio.to_thread(self.server.prepare)
        except Unavailable as error:
            raise CannotStart(str(error)) from error

    async def probe(self, _pid: int, /) -> None:
        await asyncio.to_thread(self.server.probe)


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """What is executed in a service's folder."""

    serve: tuple[str, ...] = SERVE
    migrate: tuple[str, ...] = MIGRATE
    manage: tuple[str, ...] = MANAGE


class ServicePlan:
    """Runs one service: migrations first, then the server, then its own answer decides."""

    kind = "service"

    def __init__(
        self,
        question: readiness.Question,
        *,
        folder: Path,
        environment: Callable[[], Mapping[str, str]],
        roster: Roster,
        migrates: bool,
    ) -> None:
        self._question = question
        self._folder = folder
        self._environment = environment
        self._roster = roster
        self._migrates = migrates
        self._verified = 0
        self.programs = Programs()

    async def prepare(self) -> Launch:
        if not self._folder.is_dir():
            raise CannotStart(f"{self._folder} is not a directory")
        if self._migrates:
            await self._migrate()
        return self._launch(self.programs.serve)

    def worker(self, words: tuple[str, ...]) -> WorkerPlan:
        """Return how a management command of the same service runs beside it."""
        return WorkerPlan(lambda: self._launch((*self.programs.manage, *words)))

    async def probe(self, pid: int, /) -> None:
        await readiness.ask(self._question)
        if self._verified == pid:
            return
        if not await asyncio.to_thread(readiness.owned, self._question.port, pid):
            raise NotReady(f"port {self._question.port} is answered by another process")
        self._verified = pid

    async def _migrate(self) -> None:
        child = self._roster.spawn(self._question.name, self._launch(self.programs.migrate))
        try:
            code = await child.wait()
        finally:
            await child.end(grace_seconds=1)
        if code != 0:
            raise CannotStart(f"migrate ended with exit code {code}")

    def _launch(self, argv: tuple[str, ...]) -> Launch:
        return Launch(
            argv=argv,
            env=self._environment(),
            cwd=self._folder,
            preexec=spawn.ends_with_parent(signal.SIGINT),
            stop_signal=signal.SIGTERM,
        )


class WorkerPlan:
    """Runs a management command that does not end: while it lives, it is ready."""

    kind = "worker"

    def __init__(self, launch: Callable[[], Launch]) -> None:
        self._launch = launch

    async def prepare(self) -> Launch:
        return self._launch()

    async def probe(self, _pid: int, /) -> None:
        return None
