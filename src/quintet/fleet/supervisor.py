"""The one process of a run: brings the system up in order, and takes it down in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quintet.embedded import ports
from quintet.embedded.caddy import Caddy
from quintet.embedded.server import Unavailable
from quintet.fleet import docs_page, gateway, infrastructure, memory, record
from quintet.fleet.control import Control
from quintet.fleet.description import service_of
from quintet.fleet.infrastructure import Infrastructure
from quintet.fleet.logbook import LogBook
from quintet.fleet.plans import Programs, ServerPlan, ServicePlan
from quintet.fleet.readiness import Question
from quintet.fleet.roster import Roster
from quintet.fleet.unit import SETTLED, Policy, State, Unit
from quintet.fleet.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable

    from quintet.fleet.description import System
    from quintet.fleet.places import Places

GATEWAY = "gateway"
HOLD_SECONDS = 0.5


@dataclass(slots=True, kw_only=True)
class Phases:
    """How long each part of the start took, in the order in which it happened."""

    started: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)

    def end(self, name: str) -> None:
        """Note that the named phase ends now."""
        now = time.monotonic()
        self.seconds[name] = round(now - self.started, 2)
        self.started = now


class Supervisor:
    """Runs one system from its places until it is told to stop."""

    def __init__(
        self,
        places: Places,
        system: System,
        *,
        say: Callable[[str], None],
        programs: Programs | None = None,
        policy: Policy | None = None,
    ) -> None:
        self.places = places
        self.system = system
        self.say = say
        self.phases = Phases()
        self.logbook = LogBook(places.logs)
        self.units: dict[str, Unit] = {}
        self.wiring = Wiring(places=places, system=system, ports={})
        self.gateway_url = ""
        self.notes: list[str] = []
        self.planned = asyncio.Event()
        self.came_up = asyncio.Event()
        self.stopping = asyncio.Event()
        self._changed = asyncio.Event()
        self._programs = programs or Programs()
        self._policy = policy or Policy()
        self._interrupts = 0

    async def run(self, when_up: Callable[[Supervisor], None]) -> bool:
        """Bring everything up, call ``when_up``, stay until stopped; return whether all was well.

        Raises:
            AlreadyRunning: Another supervisor holds the state directory.
            Unavailable: A server that nothing can replace does not run here.
        """
        self.places.make()
        lock = record.hold(self.places.state, patience_seconds=HOLD_SECONDS)
        for name in await asyncio.to_thread(record.end_leftovers, self.places.record):
            self.say(f"ended {name}, which an interrupted run had left")
        self._roster = Roster(self.places.record, on_line=self.logbook.add)
        self._listen_to_signals()
        try:
            async with Control(self).serving():
                return await self._run(when_up)
        finally:
            await self._shut_down()
            lock.close()

    async def _run(self, when_up: Callable[[Supervisor], None]) -> bool:
        up = asyncio.create_task(self._bring_up())
        stopped = asyncio.create_task(self.stopping.wait())
        await asyncio.wait({up, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not up.done():
            up.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await up
            stopped.cancel()
            return False
        up.result()
        when_up(self)
        await stopped
        return not self.crashed()

    async def _bring_up(self) -> None:
        await self._start_servers()
        await self._start_gateway()
        self._start_services()
        await self.settled(tuple(self.units))
        self.phases.end("services")
        self.came_up.set()

    async def _start_servers(self) -> None:
        chosen = {
            replica: ports.choose()
            for name in self.system.services
            for replica in self.system.replicas_of(name)
        }
        self.wiring = Wiring(places=self.places, system=self.system, ports=chosen)
        servers = Infrastructure(self.wiring, roster=self._roster, say=self._note)
        self.wiring = await servers.start(self._adopt)
        self.phases.end("servers")

    async def _start_gateway(self) -> None:
        port = infrastructure.gateway_port(self.system.gateway.port, self._note)
        directory = self.places.state / "gateway"
        config = gateway.configuration(
            self.system,
            listen=f"127.0.0.1:{port}",
            upstreams=self.wiring.addresses(),
            docs=str(docs_page.write(directory / "docs", self.system)),
            swagger=str(docs_page.swagger_files()),
        )
        server = Caddy(directory, config)
        plan = ServerPlan(server, kind=GATEWAY)
        unit = Unit(GATEWAY, plan, roster=self._roster, policy=self._policy)
        self._adopt(unit)
        unit.start()
        if await unit.until(lambda state: state in SETTLED) is State.CRASHED:
            raise Unavailable(f"The gateway: {unit.facts.reason}.", remedy="quintet logs gateway")
        self.gateway_url = server.url()
        self.phases.end(GATEWAY)

    def _start_services(self) -> None:
        for name in self.system.start_order():
            for replica in self.system.replicas_of(name):
                self._adopt_service(replica)
        for name in self.system.start_order():
            self._adopt_workers(self.units[name])
        for unit in self.units.values():
            if unit.kind in {"service", "worker"}:
                unit.start()
        self.planned.set()

    def _adopt_service(self, replica: str) -> None:
        """The first replica migrates, and the others come after it."""
        name = service_of(replica)
        first = () if replica == name else (name,)
        names = (*self.system.services[name].depends_on, *first)
        plan = self._service(replica)
        needs = tuple(self.units[need] for need in names)
        self._adopt(Unit(replica, plan, roster=self._roster, needs=needs, policy=self._policy))

    def _adopt_workers(self, service: Unit) -> None:
        if not isinstance(service.plan, ServicePlan):
            return
        for name, words in self.system.workers_of(service.name).items():
            plan = service.plan.worker(words)
            self._adopt(
                Unit(name, plan, roster=self._roster, needs=(service,), policy=self._policy)
            )

    def _service(self, replica: str) -> ServicePlan:
        name = service_of(replica)
        question = Question(
            name=name, port=self.wiring.ports[replica], token=self.wiring.health_token(name)
        )
        plan = ServicePlan(
            question,
            folder=self.places.root / self.system.services[name].path,
            environment=lambda: self.wiring.environment(replica),
            roster=self._roster,
            migrates=replica in self.wiring.databases,
        )
        plan.programs = self._programs
        return plan

    def _adopt(self, unit: Unit) -> None:
        self.units[unit.name] = unit
        unit.on_change = self._report

    def _report(self, unit: Unit) -> None:
        before, self._changed = self._changed, asyncio.Event()
        before.set()
        facts = unit.facts
        if facts.state in {State.READY, State.DEGRADED, State.RESTARTING, State.CRASHED}:
            reason = f": {facts.reason}" if facts.reason else ""
            self.say(f"{unit.name} is {facts.state}{reason}")

    def services(self) -> list[Unit]:
        """Return the units of the services, all replicas, in start order."""
        return [unit for unit in self.units.values() if unit.kind == "service"]

    def replicas(self, name: str) -> list[Unit]:
        """Return the units of a service, or the one unit of that name."""
        return [unit for unit in self.services() if service_of(unit.name) == name] or [
            self.units[name]
        ]

    def units_of(self, service: str) -> list[Unit]:
        """Return the units of a service and of what runs beside it, as far as they exist yet."""
        names = (*self.system.replicas_of(service), *self.system.workers_of(service))
        return [self.units[name] for name in names if name in self.units]

    def crashed(self) -> list[Unit]:
        """Return the units that gave up."""
        return [unit for unit in self.units.values() if unit.state is State.CRASHED]

    def blocked(self, unit: Unit) -> bool:
        """Whether a unit waits for one that gave up, directly or through others."""
        return unit.state is State.WAITING and any(
            need.state is State.CRASHED or self.blocked(need) for need in unit.needs
        )

    async def settled(self, names: tuple[str, ...]) -> None:
        """Return when each of the units is ready, has given up, or waits for one that has."""
        while not all(self._is_settled(self.units[name]) for name in names):
            await self._changed.wait()

    def _is_settled(self, unit: Unit) -> bool:
        return unit.state in SETTLED or self.blocked(unit)

    def status(self) -> dict[str, Any]:
        """Return what runs and how it is, as data."""
        return {
            "gateway": self.gateway_url,
            "example": f"{self.gateway_url}{self.system.gateway.example}",
            "logs": str(self.places.logs),
            "notes": self.notes,
            "units": [_describe(unit, self.wiring) for unit in self.units.values()],
            "origins": self.wiring.origins(),
            "phases": self.phases.seconds,
            "memory_bytes": memory.total(self._roster.pids().values()),
        }

    def _note(self, words: str) -> None:
        """Say what differs from the description, and keep it for whoever asks later."""
        self.notes.append(words)
        self.say(words)

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._interrupted)

    def _interrupted(self) -> None:
        self._interrupts += 1
        if self._interrupts == 1:
            self.say("stopping; once more kills")
        else:
            self._roster.kill()
        self.stopping.set()

    async def _shut_down(self) -> None:
        """Stop in reverse: gateway and workers, each service before what it needs, servers."""
        for wave in self._waves():
            await asyncio.gather(*(unit.stop() for unit in wave))
        self._roster.close()
        self.logbook.close()

    def _waves(self) -> list[list[Unit]]:
        left = self.services()
        waves = [[unit for unit in self.units.values() if unit.kind in {GATEWAY, "worker"}]]
        while left:
            needed = {
                need
                for unit in left
                for need in unit.needs
                if service_of(need.name) != service_of(unit.name)
            }
            wave = [unit for unit in left if unit not in needed]
            waves.append(wave)
            left = [unit for unit in left if unit not in wave]
        return [*waves, [unit for unit in self.units.values() if unit.kind == "server"]]


def _describe(unit: Unit, wiring: Wiring) -> dict[str, Any]:
    facts = unit.facts
    port = wiring.ports.get(unit.name)
    return {
        "name": unit.name,
        "kind": unit.kind,
        "state": str(facts.state),
        "reason": facts.reason,
        "pid": facts.pid,
        "port": port,
        "restarts": facts.restarts,
        "exit_code": facts.exit_code,
        "ready_after_seconds": facts.ready_after_seconds and round(facts.ready_after_seconds, 2),
    }
