"""The checks of the source: database, cache, external services, disk space and memory."""

from __future__ import annotations

import secrets
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil
from django.core.cache import caches
from django.db import connections

from quintet.clients import ServiceClient
from quintet.errors import ServiceException
from quintet.health.migrations import Migrations
from quintet.health.results import CheckResult
from quintet.health.watched import TIMEOUT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quintet.health.results import Check
    from quintet.settings import ServiceSettings

FREE_DISK_PERCENT_MIN = 10.0
USED_MEMORY_PERCENT_MAX = 90.0
SERVICE_SECONDS = 1.0
LIVENESS = "/livez"

_NO_DATABASE = "django.db.backends.dummy"
_URL_SUFFIX = "_SERVICE_URL"
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
    if names := _neighbours(env):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalServices:
    """The services that this one calls are alive. Their own dependencies are their own matter."""

    names: Sequence[str]

    def __call__(self) -> CheckResult:
        states = {name: self._ask(name) for name in self.names}
        healthy = all(state["healthy"] for state in states.values())
        return CheckResult(healthy=healthy, details={"services": states})

    def _ask(self, name: str) -> dict[str, Any]:
        started = time.perf_counter()
        try:
            ServiceClient(name).get(LIVENESS, timeout_seconds=SERVICE_SECONDS)
        except ServiceException as error:
            return {"healthy": False, "error": error.error_code}
        return {
            "healthy": True,
            "response_time_ms": round((time.perf_counter() - started) * 1000, 2),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSpace:
    """More than a tenth of the disk below ``path`` is free."""

    path: Path = field(default_factory=Path.cwd)

    def __call__(self) -> CheckResult:
        usage = shutil.disk_usage(self.path)
        free = round(usage.free / usage.total * 100, 1)
        return CheckResult(
            healthy=free > FREE_DISK_PERCENT_MIN,
            details={"free_percent": free, "free_bytes": usage.free},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Less than nine tenths of the memory are used: of the container's where there is a limit.

    Inside a container the machine's figures say nothing; the control group's do. Pages of files
    that the kernel can drop at once are not counted.
    """

    group: Path = Path("/sys/fs/cgroup")

    def __call__(self) -> CheckResult:
        used = self._of_group()
        if used is None:
            used = psutil.virtual_memory().percent
        used = round(used, 1)
        return CheckResult(healthy=used < USED_MEMORY_PERCENT_MAX, details={"used_percent": used})

    def _of_group(self) -> float | None:
        try:
            limit = int((self.group / "memory.max").read_text())
            current = int((self.group / "memory.current").read_text())
            pairs = (line.split() for line in (self.group / "memory.stat").read_text().splitlines())
            droppable = int(dict(pairs).get("inactive_file", "0"))
        except (OSError, ValueError):
            return None
        return max(0, current - droppable) / limit * 100 if limit else None


def _engines() -> dict[str, str]:
    return {alias: str(connections.settings[alias]["ENGINE"]) for alias in connections}


def _neighbours(env: ServiceSettings) -> list[str]:
    return [
        name.removesuffix(_URL_SUFFIX).lower().replace("_", "-")
        for name in env.origins()
        if name.endswith(_URL_SUFFIX)
    ]
