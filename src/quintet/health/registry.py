"""All checks of a service: those that its settings call for, and those that it registers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.core.signals import setting_changed

from quintet import conf, lifecycle
from quintet.health.standard import standard
from quintet.health.watched import FRESH_SECONDS, TIMEOUT_SECONDS, Watched
from quintet.telemetry.fields import fit_fields
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from quintet.health.results import Check

DRAINING = "draining"

log = get_logger("quintet.health")


class HealthChecker:
    """Checks by name; a *hard* one is needed for any work at all, and decides about readiness."""

    def __init__(self) -> None:
        self._watched: dict[str, Watched] = {}
        self._hard: set[str] = set()
        self._said: list[str] | None = None

    def add(
        self,
        name: str,
        check: Check,
        *,
        hard: bool = False,
        timeout_seconds: float = TIMEOUT_SECONDS,
        fresh_seconds: float = FRESH_SECONDS,
    ) -> None:
        """Watch ``check`` under a name that is not taken."""
        if name in self._watched:
            raise ValueError(f"There is a health check called {name!r} already.")
        self._watched[name] = Watched(
            name, check, timeout_seconds=timeout_seconds, fresh_seconds=fresh_seconds
        )
        if hard:
            self._hard.add(name)

    def check_all(self) -> dict[str, Any]:
        """Run everything side by side and say how each check went."""
        for watched in self._watched.values():
            watched.begin()
        results = {name: watched.result() for name, watched in self._watched.items()}
        env = conf.current()
        return {
            "healthy": all(result.healthy for result in results.values()),
            "service": env.SERVICE_NAME,
            "version": env.SERVICE_VERSION,
            "timestamp": datetime.now(UTC).isoformat(),
            # A check may repeat what a driver said, and that the address of a server.
            "checks": {name: fit_fields(result.as_dict()) for name, result in results.items()},
        }

    def ready(self) -> bool:
        """Whether new requests are welcome: every hard dependency is up, and no end is near.

        A dependency is judged over several results in a row. What changes is logged.
        """
        missing = [DRAINING] if lifecycle.is_draining() else self._missing()
        if missing != self._said:
            self._said = missing
            if missing:
                log.warning("not ready", because=missing)
            else:
                log.info("ready")
        return not missing

    def _missing(self) -> list[str]:
        needed = [self._watched[name] for name in sorted(self._hard)]
        for watched in needed:
            watched.begin()
        for watched in needed:
            watched.result()
        return [watched.name for watched in needed if not watched.verdict.is_up]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Registered:
    check: Check
    hard: bool
    timeout_seconds: float


_registered: dict[str, _Registered] = {}
_checker: HealthChecker | None = None


def register(
    name: str, check: Check, *, hard: bool = False, timeout_seconds: float = TIMEOUT_SECONDS
) -> None:
    """Add a check of the service's own; call it from ``AppConfig.ready``."""
    _registered[name] = _Registered(check=check, hard=hard, timeout_seconds=timeout_seconds)
    reset()


def checker() -> HealthChecker:
    """The checker of this process, made when the first probe asks."""
    global _checker  # noqa: PLW0603 - one per process, forgotten in a forked child
    if _checker is None:
        _checker = _build()
    return _checker


def reset(**_: Any) -> None:
    """Forget all results: a forked child has none of the threads that made them."""
    global _checker  # noqa: PLW0603 - as above
    _checker = None


def _build() -> HealthChecker:
    built = HealthChecker()
    for name, check, hard, timeout_seconds in standard(conf.current()):
        built.add(name, check, hard=hard, timeout_seconds=timeout_seconds)
    for name, row in _registered.items():
        built.add(name, row.check, hard=row.hard, timeout_seconds=row.timeout_seconds)
    return built


os.register_at_fork(after_in_child=reset)
setting_changed.connect(reset, dispatch_uid="quintet.health")
