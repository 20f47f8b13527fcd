"""Everything that a running system has written or shows, in which secrets are looked for."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from system import SERVICES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from system import System

STORED = {"keys", "postgres", "secrets", "sqlite", "valkey"}
"""What the system keeps for itself: data, keys, passwords."""


def written(system: System) -> dict[str, bytes]:
    """All files below the state of a system, logs and metrics, except what is stored."""
    found = {}
    for file in sorted(system.state.rglob("*")):
        place = file.relative_to(system.state)
        if place.parts[0] not in STORED and file.is_file():
            with suppress(FileNotFoundError):  # numbers of a process that has ended meanwhile
                found[str(place)] = file.read_bytes()
    return found


def shown(system: System) -> dict[str, bytes]:
    """What those inside see: numbers, health, and the state of the system."""
    return dict(_shown(system))


def _shown(system: System) -> Iterator[tuple[str, bytes]]:
    yield "quintet status", system.command("status", "--json").stdout.encode()
    yield "quintet logs", system.command("logs", "--json", "-n", "1000000").stdout.encode()
    for name in SERVICES:
        for path in ("/metrics", "/health/"):
            answer = system.inside(name).ask("GET", path)
            assert answer.status == 200, (name, path)
            yield f"{name}{path}", answer.body
