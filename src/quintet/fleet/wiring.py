"""The environment of each service: the only way in which the description reaches it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quintet.fleet import secrets
from quintet.fleet.description import service_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quintet.fleet.description import System
    from quintet.fleet.places import Places

USERS = "users"
"""The service that signs the tokens of users, where the system has one."""

DRAIN_SECONDS = 1.0
"""Of services with replicas: four times what the gateway needs to notice. Others stop at once."""

SHUTDOWN_SECONDS = 4.0
"""With the drain and the last seconds of a process this is the grace that a unit gets."""

PASSED_ON = frozenset(
    {
        "HOME",
        "LANG",
        "LANGUAGE",
        "LD_LIBRARY_PATH",
        "LOGNAME",
        "PATH",
        "SHELL",
        "TMPDIR",
        "TZ",
        "USER",
    }
    | {"LOG_LEVEL", "DEBUG", "ENABLE_CACHING", "ENABLE_ASYNC_PROCESSING", "ENABLE_METRICS"}
    | {"NO_PROXY", "no_proxy"}
)
PASSED_ON_PREFIXES = ("LC_", "PYTHON", "COVERAGE_", "SSL_CERT_", "DYLD_", "OTEL_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A URL, and where it came from: ``embedded``, a variable, or a fall-back."""

    url: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """Everything that the environments are made of."""

    places: Places
    system: System
    ports: Mapping[str, int]
    databases: Mapping[str, Origin] = field(default_factory=dict)
    cache: Origin = Origin(url="", source="none")
    broker: Origin = Origin(url="", source="none")
    caller: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def url_of(self, name: str) -> str:
        """Return where the named service listens, or its first replica."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def health_token(self, name: str) -> str:
        """Return the token that makes the health views of a service speak."""
        return secrets.secret(self.places.secrets / f"{name}-health")

    def origins(self) -> dict[str, str]:
        """Return where each URL came from, never the URL itself: it holds a password."""
        databases = {f"{name} database": one.source for name, one in self.databases.items()}
        return databases | {"cache": self.cache.source, "broker": self.broker.source}

    def addresses(self) -> dict[str, tuple[str, ...]]:
        """Return where the replicas of each service listen."""
        return {
            name: tuple(f"127.0.0.1:{self.ports[one]}" for one in self.system.replicas_of(name))
            for name in self.system.services
        }

    def environment(self, process: str) -> dict[str, str]:
        """Return all variables of one replica; the caller's ``<SERVICE>_<NAME>`` wins."""
        name = service_of(process)
        return {
            **self._passed_on(),
            **self._identity(name),
            **self._resources(name),
            **self._neighbours(name),
            **self._server(name, process),
            **self._overrides(name),
        }

    def _passed_on(self) -> dict[str, str]:
        return {
            key: value
            for key, value in self.caller.items()
            if key in PASSED_ON or key.startswith(PASSED_ON_PREFIXES)
        }

    def _identity(self, name: str) -> dict[str, str]:
        key = secrets.signing_key(self.places.keys / f"{name}.pem")
        return {
            "SERVICE_NAME": name,
            "SERVICE_ENVIRONMENT": "development",
            "SECRET_KEY": secrets.secret(self.places.secrets / f"{name}-django"),
            "HEALTH_TOKEN": self.health_token(name),
            "AUTH_SIGNING_KEYS_FILE": str(key),
            "DJANGO_SETTINGS_MODULE": f"{name}.settings",
            "LOG_LEVEL": self.caller.get("LOG_LEVEL", "INFO"),
        }

    def _resources(self, name: str) -> dict[str, str]:
        uses = self.system.kinds_used_by(name)
        found = {
            "DATABASE_URL": self.databases[name].url if name in self.databases else "",
            "CACHE_URL": self.cache.url if "cache" in uses else "",
            "BROKER_URL": self.broker.url if "broker" in uses else "",
        }
        return {key: value for key, value in found.items() if value}

    def _neighbours(self, name: str) -> dict[str, str]:
        called = self.system.services[name].calls
        trusted = ({USERS} & set(self.system.services)) | set(self.system.callers_of(name))
        issuers = [f"{one}={self.url_of(one)}/.well-known/jwks.json" for one in sorted(trusted)]
        return {
            **{f"{one.upper()}_SERVICE_URL": self._urls_of(one) for one in called},
            "AUTH_ISSUERS": ",".join(issuers),
            "AUTH_USER_ISSUER": USERS,
        }

    def _urls_of(self, name: str) -> str:
        """Where all replicas listen, for callers that choose among them."""
        return ",".join(self.url_of(one) for one in self.system.replicas_of(name))

    def _server(self, name: str, process: str) -> dict[str, str]:
        scale = self.system.services[name].scale
        return {
            "HOST": "127.0.0.1",
            "PORT": str(self.ports[process]),
            "WEB_WORKERS": str(scale.workers),
            "MAX_IN_FLIGHT": str(scale.in_flight),
            "TASK_PROCESSES": "1",
            "DRAIN_SECONDS": f"{DRAIN_SECONDS if scale.replicas > 1 else 0:g}",
            "SHUTDOWN_SECONDS": f"{SHUTDOWN_SECONDS:g}",
            "METRICS_DIR": str(self.places.metrics / process),
            "ALLOWED_HOSTS": "127.0.0.1,localhost,[::1]",
            "TRUSTED_PROXIES": "127.0.0.0/8",
            "PYTHONUNBUFFERED": "1",
        }

    def _overrides(self, name: str) -> dict[str, str]:
        prefix = f"{name.upper()}_"
        return {
            key.removeprefix(prefix): value
            for key, value in self.caller.items()
            if key.startswith(prefix) and key != f"{prefix}SERVICE_URL"
        }
