"""The servers that services use: embedded, a URL of the environment, or a fall-back said aloud."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from quintet.embedded import ports
from quintet.embedded.server import Unavailable
from quintet.fleet import secrets
from quintet.fleet.plans import ServerPlan
from quintet.fleet.unit import State, Unit
from quintet.fleet.wiring import Origin, Wiring

if TYPE_CHECKING:
    from quintet.embedded.postgres import Postgres
    from quintet.embedded.valkey import Valkey
    from quintet.fleet.roster import Roster

Say = Callable[[str], None]


class Infrastructure:
    """Decides for each resource where it comes from, and runs what is embedded."""

    def __init__(self, wiring: Wiring, *, roster: Roster, say: Say) -> None:
        self._wiring = wiring
        self._roster = roster
        self._say = say
        self.units: list[Unit] = []

    async def start(self, adopt: Callable[[Unit], None]) -> Wiring:
        """Start what the services need and return the wiring with every URL in it."""
        databases = self._named_databases()
        missing = [name for name in self._users_of("postgres") if name not in databases]
        named = {key: self._named(key) for key in ("CACHE_URL", "BROKER_URL")}
        postgres = await self._postgres(adopt) if missing else None
        wants_redis = self._users_of("redis") and not all(named.values())
        valkey = await self._valkey(adopt) if wants_redis else None
        await asyncio.gather(*(_ready(unit) for unit in self.units))
        databases |= await self._make_databases(postgres, missing)
        return replace(
            self._wiring,
            databases=databases,
            cache=named["CACHE_URL"] or _numbered(valkey, 0),
            broker=named["BROKER_URL"] or _numbered(valkey, 1),
        )

    def _users_of(self, kind: str) -> list[str]:
        system = self._wiring.system
        kinds = {name for name, resource in system.resources.items() if resource.kind == kind}
        return [name for name in system.services if kinds & system.kinds_used_by(name)]

    def _named_databases(self) -> dict[str, Origin]:
        variables = {name: f"{name.upper()}_DATABASE_URL" for name in self._users_of("postgres")}
        return {
            name: Origin(url=self._wiring.caller[variable], source=variable)
            for name, variable in variables.items()
            if self._wiring.caller.get(variable)
        }

    def _named(self, variable: str) -> Origin | None:
        url = self._wiring.caller.get(variable)
        return Origin(url=url, source=variable) if url else None

    async def _postgres(self, adopt: Callable[[Unit], None]) -> Postgres | None:
        # Imported here, because who names every database needs no PostgreSQL on this machine.
        from quintet.embedded.postgres import Postgres

        server = Postgres(self._wiring.places.state / "postgres")
        try:
            await asyncio.to_thread(server.prepare)
        except Unavailable as error:
            if server.data.exists():
                raise  # an empty SQLite in its place would look like lost data
            self._say(f"PostgreSQL is not available, so each service gets SQLite: {error.reason}")
            return None
        self._adopt(Unit("postgres", ServerPlan(server), roster=self._roster), adopt)
        return server

    async def _valkey(self, adopt: Callable[[Unit], None]) -> Valkey | None:
        from quintet.embedded.valkey import Valkey  # as PostgreSQL above

        server = Valkey(self._wiring.places.state / "valkey")
        try:
            await asyncio.to_thread(server.prepare)
        except Unavailable as error:
            self._say(f"Valkey is not available, so caches stay in each process: {error.reason}")
            return None
        self._adopt(Unit("valkey", ServerPlan(server), roster=self._roster), adopt)
        return server

    def _adopt(self, unit: Unit, adopt: Callable[[Unit], None]) -> None:
        self.units.append(unit)
        adopt(unit)
        unit.start()

    async def _make_databases(
        self, postgres: Postgres | None, names: list[str]
    ) -> Mapping[str, Origin]:
        """One after the other: PostgreSQL refuses two who revoke on the same database at once."""
        if postgres is None:
            return {name: self._sqlite(name) for name in names}
        made = {}
        for name in names:
            password = secrets.secret(self._wiring.places.secrets / f"{name}-database")
            url = await asyncio.to_thread(postgres.create_service, name, password)
            made[name] = Origin(url=url, source="embedded")
        return made

    def _sqlite(self, name: str) -> Origin:
        directory = self._wiring.places.state / "sqlite"
        directory.mkdir(mode=0o700, exist_ok=True)
        path = quote(str(directory / f"{name}.db"))  # clones live in paths with spaces
        return Origin(url=f"sqlite:///{path}", source="SQLite fall-back")


def gateway_port(wanted: int, say: Say) -> int:
    """Return the wanted port, or the next free one; whoever has the wanted one is named."""
    if ports.is_free(wanted):
        return wanted
    for port in range(wanted + 1, min(wanted + 100, 65_536)):
        if ports.is_free(port):
            say(f"port {wanted} is taken by {ports.owner(wanted)}, so the gateway takes {port}")
            return port
    return ports.choose()


async def _ready(unit: Unit) -> None:
    """Wait for an embedded server: without it nothing else can start.

    Raises:
        Unavailable: The server crashed again and again.
    """
    state = await unit.until(lambda now: now in {State.READY, State.CRASHED})
    if state is State.CRASHED:
        raise Unavailable(f"{unit.name}: {unit.facts.reason}.", remedy=f"quintet logs {unit.name}")


def _numbered(valkey: Valkey | None, database: int) -> Origin:
    if valkey is None:
        return Origin(url="", source="none")
    return Origin(url=valkey.url(database), source="embedded")
