"""The settings that every service has, and the class that a service adds its own to."""

from __future__ import annotations

import os
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Self
from urllib.parse import urlsplit

from quintet.settings.declarations import (
    Declaration,
    boolean,
    checked_url,
    choice,
    integer,
    items,
    mapping,
    network,
    number,
    rates,
    rising,
    text,
    url,
)
from quintet.settings.environment import Reading
from quintet.settings.masking import mask
from quintet.settings.problems import Problem, SettingsError
from quintet.settings.production import refusals
from quintet.settings.schemes import NATS_SCHEMES, RABBITMQ_SCHEMES, REDIS_SCHEMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DATABASE_SCHEMES = ("postgres", "postgresql", "sqlite")
CACHE_SCHEMES = (*REDIS_SCHEMES, "locmemcache", "dummycache")
BROKER_SCHEMES = (*REDIS_SCHEMES, *RABBITMQ_SCHEMES, *NATS_SCHEMES)
SERVICE_NAME_PATTERN = r"[a-z][a-z0-9-]{0,62}"
NO_ISSUERS: Mapping[str, str] = MappingProxyType({})
_URL_SUFFIX = "_SERVICE_URL"


def _jwks_url(raw: str) -> str:
    if "#" in raw or "@" in urlsplit(raw).netloc:
        raise ValueError(raw)
    return checked_url(raw, schemes=("http", "https"))


class Row(NamedTuple):
    """One setting as it may be shown to people."""

    name: str
    value: str
    origin: str
    help: str


class ServiceSettings:
    """Typed values read from the environment once, and never changed.

    A service derives from this class, declares what it needs beyond it, and calls ``load``.
    The name of an attribute is the name of its variable.
    """

    SERVICE_NAME: str = text(help="The name in tokens, logs, metrics and errors.")
    SERVICE_VERSION: str = text(default="1.0.0", help="The version in logs and metrics.")
    SERVICE_ENVIRONMENT: str = choice(
        "development",
        "test",
        "staging",
        "production",
        default="production",
        help="Where this runs; unsafe values are refused in production.",
    )
    DEBUG: bool = boolean(default=False, help="Django's debug mode.")
    SECRET_KEY: str = text(secret=True, help="Django's key for signing.")
    ALLOWED_HOSTS: tuple[str, ...] = items(default=(), help="The host names answered to.")
    LOG_LEVEL: str = choice(
        "DEBUG",
        "INFO",
        "WARNING",
        "ERROR",
        "CRITICAL",
        default="INFO",
        help="The lowest level that is logged.",
    )
    LOG_BUFFER_LINES: int = integer(
        default=100, minimum=0, help="Debug lines kept for a request that fails; 0 for none."
    )
    DATABASE_URL: str = url(
        schemes=DATABASE_SCHEMES, default="", help="The database of this service alone."
    )
    DATABASE_STATEMENT_SECONDS: float = number(
        default=15.0, minimum=0, help="When PostgreSQL cancels a statement; 0 for never."
    )
    CACHE_URL: str = url(schemes=CACHE_SCHEMES, default="", help="The shared cache.")
    BROKER_URL: str = url(schemes=BROKER_SCHEMES, default="", help="The message broker.")
    ENABLE_CACHING: bool = boolean(default=True, help="Off: every look into the cache misses.")
    ENABLE_ASYNC_PROCESSING: bool = boolean(
        default=True, help="Off: tasks run where they are enqueued."
    )
    ENABLE_METRICS: bool = boolean(default=True, help="Off: nothing is counted.")
    TRUSTED_PROXIES: tuple[str, ...] = items(
        default=(),
        each=network,
        expected="IP networks such as 10.0.0.0/8, separated by commas",
        help="The proxies whose X-Forwarded-For is believed.",
    )
    INTERNAL_NETWORKS: tuple[str, ...] = items(
        default=("127.0.0.0/8", "::1/128"),
        each=network,
        expected="IP networks such as 10.0.0.0/8, separated by commas",
        help="Where callers may read metrics and health details.",
    )
    HEALTH_TOKEN: str = text(default="", secret=True, help="The token for health details.")
    AUTH_ISSUERS: Mapping[str, str] = mapping(
        default=NO_ISSUERS,
        each=_jwks_url,
        expected="name=JWKS URL pairs separated by commas",
        help="Whose tokens are accepted, and where their keys are.",
    )
    AUTH_USER_ISSUER: str = text(default="users", help="The one issuer of users' tokens.")
    AUTH_SIGNING_KEYS: str = text(
        default="",
        secret=True,
        help="Private keys in PEM; the first signs, the others are only published.",
    )
    MAX_REQUEST_BYTES: int = integer(
        default=10 * 1024 * 1024, minimum=1, help="The largest request body that is read."
    )
    MAX_RESPONSE_BYTES: int = integer(
        default=50 * 1024 * 1024, minimum=1, help="From which size on an answer is reported."
    )
    REQUEST_TIMEOUT_SECONDS: float = number(
        default=10.0, minimum=0, help="How long a request may take; 0 for no deadline."
    )
    RATE_LIMIT: str = rates(
        default="", help="What one caller may ask, such as 600/minute; empty for no limit."
    )
    IDEMPOTENCY_SECONDS: float = number(
        default=86_400.0, minimum=1, help="How long the answer to an idempotency key is kept."
    )
    EVENTS_KEPT_SECONDS: float = number(
        default=604_800.0,
        minimum=3_600,
        help="How long published and handled events are remembered: longer than any is under way.",
    )
    TASK_PROCESSES: int = integer(
        default=2, minimum=1, help="Processes in which a worker runs tasks, one in each at once."
    )
    TASK_SECONDS: float = number(
        default=60.0, minimum=0.1, help="How long a task may take that does not say otherwise."
    )
    TASK_VISIBILITY_SECONDS: float = number(
        default=300.0,
        minimum=1,
        help="When a task of a killed worker goes to another one: longer than any task takes.",
    )
    METRICS_DIR: str = text(default="", help="Where worker processes share their metrics.")
    SLO_SECONDS: tuple[float, ...] = rising(
        default=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
        help="The buckets of durations: the objectives, and some numbers around them.",
    )
    OTEL_EXPORTER_OTLP_ENDPOINT: str = url(
        schemes=("http", "https"), default="", help="Where traces go; empty for none."
    )
    OTEL_TRACES_SAMPLER: str = choice(
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
        default="parentbased_traceidratio",
        help="Who decides whether a trace is recorded: its caller first, if parentbased.",
    )
    OTEL_TRACES_SAMPLER_ARG: float = number(
        default=0.1,
        minimum=0,
        maximum=1,
        help="The share of new traces that is recorded; all in development, unless it is set.",
    )
    SLOW_REQUEST_SECONDS: float = number(
        default=1.0, minimum=0, help="From when on a request is logged as slow; 0 for never."
    )
    SLOW_QUERY_SECONDS: float = number(
        default=0.5, minimum=0, help="From when on a query is logged as slow; 0 for never."
    )
    CPU_PERCENT_MAX: float = number(
        default=80.0, minimum=1, maximum=100, help="Above it the monitor warns."
    )
    MEMORY_PERCENT_MAX: float = number(
        default=85.0, minimum=1, maximum=100, help="Above it the local cache is dropped."
    )
    DISK_PERCENT_MAX: float = number(
        default=90.0, minimum=1, maximum=100, help="Above it the monitor warns."
    )
    HOST: str = text(default="127.0.0.1", help="The address that the server listens on.")
    PORT: int = integer(default=8000, minimum=0, maximum=65535, help="The port, 0 for a free one.")
    SERVER: str = choice("gunicorn", "granian", default="gunicorn", help="What serves HTTP.")
    WEB_WORKERS: int = integer(default=1, minimum=1, help="Worker processes of the server.")
    MAX_IN_FLIGHT: int = integer(
        default=8, minimum=1, help="Requests that each worker process works on at once."
    )
    CLIENT_SHARE: float = number(
        default=0.5, minimum=0.01, maximum=1, help="The part of them that one client may take."
    )
    DRAIN_SECONDS: float = number(
        default=5.0, minimum=0, help="How long a stopping service still serves, unready."
    )
    SHUTDOWN_SECONDS: float = number(
        default=25.0, minimum=0, help="How long requests in flight may take after that."
    )
    CLIENT_TIMEOUT_SECONDS: float = number(
        default=5.0, minimum=0.001, help="How long a call to another service may take."
    )
    CLIENT_ATTEMPT_SECONDS: float = number(
        default=2.0, minimum=0.001, help="How long one attempt may take, if it can be repeated."
    )
    CLIENT_RETRIES: int = integer(
        default=2, minimum=0, maximum=5, help="How often a call is repeated that may be repeated."
    )
    CLIENT_RETRY_SHARE: float = number(
        default=0.1, minimum=0, maximum=1, help="The part of the calls to a service that may be."
    )
    CLIENT_PLACES: int = integer(
        default=6, minimum=1, help="Calls to one service that a process makes at once."
    )
    CLIENT_OPEN_SECONDS: float = number(
        default=1.0, minimum=0.1, help="How long a service that fails is not called, at first."
    )

    _origins: Mapping[str, str]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, value in vars(cls).items():
            if name.isupper() and not isinstance(value, Declaration):
                raise TypeError(
                    f"{cls.__name__}.{name} is {type(value).__name__}; declare it with one of "
                    "boolean, integer, number, text, items, mapping, url, addresses or choice."
                )

    @classmethod
    def declarations(cls) -> dict[str, Declaration]:
        """Return every declaration by its name, those of the base classes first."""
        return {
            name: value
            for owner in reversed(cls.__mro__)
            for name, value in vars(owner).items()
            if isinstance(value, Declaration)
        }

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the environment, or raise one ``SettingsError`` that lists all that is wrong."""
        declarations = cls.declarations()
        reading = Reading(os.environ if environ is None else environ, declarations)
        reading.read_all()
        problems = [
            *reading.problems,
            *_unfit_name(reading.values.get("SERVICE_NAME")),
            *refusals(reading.values, reading.origins, declarations),
        ]
        if problems:
            raise SettingsError(problems)
        loaded = cls.__new__(cls)
        vars(loaded).update(reading.values, _origins=MappingProxyType(reading.origins))
        return loaded

    def origins(self) -> Mapping[str, str]:
        """Say where each value came from: ``environment``, ``file …`` or ``default``."""
        return self._origins

    def describe(self) -> list[Row]:
        """Show every setting, secrets masked."""
        return [
            Row(name, self._shown(name, declared), self._origins[name], declared.help)
            for name, declared in self.declarations().items()
        ]

    def service_urls(self, name: str) -> tuple[str, ...]:
        """Return the addresses of another service, from its ``<NAME>_SERVICE_URL``."""
        variable = f"{name.upper().replace('-', '_')}{_URL_SUFFIX}"
        if variable not in self._origins:
            raise SettingsError([_undeclared(variable, type(self).__name__)])
        addresses = str(vars(self)[variable])
        if not addresses:
            raise SettingsError([_unset(variable, name)])
        return tuple(addresses.split(","))

    def services(self) -> list[str]:
        """Return the names of the services whose address is declared, and set."""
        return [
            name.removesuffix(_URL_SUFFIX).lower().replace("_", "-")
            for name in self._origins
            if name.endswith(_URL_SUFFIX) and vars(self)[name]
        ]

    def _shown(self, name: str, declaration: Declaration) -> str:
        return mask(vars(self)[name], secret=declaration.secret)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is read once and not changed: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is read once and not changed: {name}")

    def __repr__(self) -> str:
        shown = (f"{row.name}={row.value!r}" for row in self.describe())
        return f"{type(self).__name__}({', '.join(shown)})"


def _unfit_name(name: str | None) -> Iterator[Problem]:
    if name is not None and not re.fullmatch(SERVICE_NAME_PATTERN, name):
        yield Problem(
            variable="SERVICE_NAME",
            expected="a lower-case letter, then letters, digits and hyphens, at most 63 in all",
            got=repr(name),
            remedy="choose a name such as orders or stock-keeper",
        )


def _unset(variable: str, service: str) -> Problem:
    return Problem(
        variable=variable,
        expected=f"the address of {service}",
        got="nothing",
        remedy=f"set {variable}, for example to http://{service}:8000",
    )


def _undeclared(variable: str, owner: str) -> Problem:
    return Problem(
        variable=variable,
        expected=f"a declaration in {owner}",
        got="none",
        remedy=f"add to {owner}: {variable}: str = addresses()",
    )
