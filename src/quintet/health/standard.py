"""The checks of the source: database, cache, external services, disk space and memory."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.cache import caches
from django.db import connections

from quintet.clients import Policy, ServiceClient, dependency
from quintet.errors import ServiceException
from quintet.health.migrations import Migrations
from quintet.health.results import CheckResult
from quintet.health.watched import TIMEOUT_SECONDS
from quintet.lifecycle import resources
from quintet.lifecycle.cgroups import Groups

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quintet.health.results import Check
    from quintet.settings import ServiceSettings

FREE_DISK_PERCENT_MIN = 10.0
USED_MEMORY_PERCENT_MAX = 90.0
SERVICE_SECONDS = 1.0
LIVENESS = "/livez"

_NO_DATABASE = "django.db.backends.dummy"
_KEPT_SECONDS = 10


class Standard(NamedTuple):
    """A check with what the checker has to know about it."""

    name: str
    check: Check
    hard: bool
    timeout_seconds: float


def standard(env: ServiceSettings) -> Iterator[Standard]:
    """The checks that these settings call for; hard is the own database and its schema."""
    if aliases := [alias for alias, engine in _engines().items() if engine != _NO_DATABASE]:
        yield Standard("database", Database(), hard=True, timeout_seconds=TIMEOUT_SECONDS)
        check = Migrations(aliases)
        yield Standard("migrations", check, hard=True, timeout_seconds=TIMEOUT_SECONDS)
    if env.ENABLE_CACHING and env.CACHE_URL:
        yield Standard("cache", Cache(), hard=False, timeout_seconds=TIMEOUT_SECONDS)
    if names := env.services():
        longest = SERVICE_SECONDS * len(names) + TIMEOUT_SECONDS
        others = ExternalServices(names=names)
        yield Standard("external_services", others, hard=False, timeout_seconds=longest)
    yield Standard("disk_space", DiskSpace(), hard=False, timeout_seconds=TIMEOUT_SECONDS)
    yield Standard("memory", Memory(), hard=False, timeout_seconds=TIMEOUT_SECONDS)


class Database:
    """Every database of this service answers; the connection goes back to its pool at once."""

    def __call__(self) -> CheckResult:
        for alias, engine in _engines().items():
            if engine != _NO_DATABASE:
                _ask(alias)
        return CheckResult(healthy=True)


def _ask(alias: str) -> None:
    connection = connections[alias]
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    finally:
        connection.close()


class Cache:
    """The cache gives back what it was given, under a key of this check alone."""

    def __call__(self) -> CheckResult:
        cache = caches["default"]
        key, value = f"health:{secrets.token_hex(8)}", secrets.token_hex(8)
        cache.set(key, value, timeout=_KEPT_SECONDS)
        same = cache.get(key) == value
        cache.delete(key)
        return CheckResult(healthy=same, details={} if same else {"error": "mismatch"})


class Probe(ServiceClient):
    """Asks once: a service that answers the second time is worth a look as well."""

    policy = Policy(timeout_seconds=SERVICE_SECONDS, retries=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalServices:
    """The services that this one calls are alive. Their own dependencies are their own matter.

    What the breaker of each says is told as well.
    """

    names: Sequence[str]

    def __call__(self) -> CheckResult:
        states = {name: self._ask(name) for name in self.names}
        healthy = all(state["healthy"] for state in states.values())
        return CheckResult(healthy=healthy, details={"services": states})

    def _ask(self, name: str) -> dict[str, Any]:
        started = time.perf_counter()
        try:
            Probe(name).get(LIVENESS)
        except ServiceException as error:
            return {"healthy": False, "error": error.error_code, "breaker": _breaker(name)}
        return {
            "healthy": True,
            "response_time_ms": round((time.perf_counter() - started) * 1000, 2),
            "breaker": _breaker(name),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSpace:
    """More than a tenth of the disk below ``path`` is free."""

    path: Path = field(default_factory=Path.cwd)

    def __call__(self) -> CheckResult:
        disk = resources.disk(self.path)
        free = round(100 - disk.percent, 1)
        return CheckResult(
            healthy=free > FREE_DISK_PERCENT_MIN,
            details={"free_percent": free, "free_bytes": int(disk.limit - disk.used)},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Less than nine tenths of the memory are used: of the container's where there is a limit."""

    groups: Groups = field(default_factory=Groups)

    def __call__(self) -> CheckResult:
        used = round(resources.memory(self.groups).percent, 1)
        return CheckResult(healthy=used < USED_MEMORY_PERCENT_MAX, details={"used_percent": used})


def _breaker(name: str) -> str:
    return dependency(name).state.name.lower()


def _engines() -> dict[str, str]:
    return {alias: str(connections.settings[alias]["ENGINE"]) for alias in connections}
