"""One watcher for all sources: a change restarts its service, one of the chassis all in turn."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import watchfiles

from quintet.fleet.unit import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quintet.fleet.description import System
    from quintet.fleet.places import Places
    from quintet.fleet.supervisor import Supervisor
    from quintet.fleet.unit import Unit

SUFFIXES = (".py", ".toml", ".json", ".html", ".sql")
TESTS = "tests"
PATIENCE_SECONDS = 10.0


async def watch(supervisor: Supervisor) -> None:
    """Restart what changes touch, until cancelled."""
    places, system = supervisor.places, supervisor.system
    folders = {places.root / service.path for service in system.services.values()}
    watched = [path for path in (*folders, places.chassis, places.description) if path.exists()]
    async for changes in watchfiles.awatch(*watched, watch_filter=_matters, recursive=True):
        paths = [Path(path) for _, path in changes]
        if places.description in paths:
            supervisor.say("quintet.yaml changed: stop and start again to apply it")
        for name in touched(paths, places, system):
            for unit in supervisor.units_of(name):
                if unit.state is not State.WAITING:
                    supervisor.say(f"{unit.name} restarts, because its code changed")
                    await _restart(unit, supervisor)


async def _restart(unit: Unit, supervisor: Supervisor) -> None:
    """Wait for the unit, but not for ever: the next change may be what makes it ready."""
    try:
        await asyncio.wait_for(unit.restart(), PATIENCE_SECONDS)
    except TimeoutError:
        supervisor.say(f"{unit.name} is not ready yet: {unit.facts.reason}")


def touched(paths: Iterable[Path], places: Places, system: System) -> list[str]:
    """Return the services that have to restart, in start order."""
    changed = list(paths)
    if any(path.is_relative_to(places.chassis) for path in changed):
        return list(system.start_order())
    return [
        name
        for name in system.start_order()
        if any(path.is_relative_to(places.root / system.services[name].path) for path in changed)
    ]


def _matters(_change: watchfiles.Change, path: str) -> bool:
    parts = Path(path).parts
    hidden = any(part.startswith(".") or part in {"__pycache__", TESTS} for part in parts[-4:])
    return Path(path).name == "quintet.yaml" or (path.endswith(SUFFIXES) and not hidden)
