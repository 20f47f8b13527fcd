"""Django's settings out of a service's own: pure functions that import nothing of Django.

Classes stand here as dotted names, because settings are read before there is anything to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from environ import Env

from quintet.settings.schemes import REDIS_SCHEMES

if TYPE_CHECKING:
    from quintet.settings.service import ServiceSettings

CONNECT_SECONDS = 2
LOCK_SECONDS = 5
IDLE_IN_TRANSACTION_SECONDS = 30
POOL_WAIT_SECONDS = 3
PROBING_CONNECTIONS = 1
"""Beside those of the requests in flight: readiness asks the database while all are taken."""
SQLITE_BUSY_SECONDS = 5
CACHE_SECONDS = 1.0

POSTGRESQL = "quintet.database.postgresql"
SQLITE = "quintet.database.sqlite3"
SQLITE_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
REDIS_CACHE = "quintet.cache.redis.RedisCache"
TRACED_CACHE = "quintet.cache.redis.TracedRedisCache"
QUEUED_TASKS = "quintet.tasks.celery.CeleryBackend"
IMMEDIATE_TASKS = "quintet.tasks.immediate.ImmediateBackend"
PAGE_SIZE = 20

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOWEST_LEVELS = {
    "celery": "WARNING",
    "django": "INFO",
    "django.server": "WARNING",
    "django.request": "ERROR",
    "django.tasks": "CRITICAL",
    "django_tasks": "CRITICAL",
    "multiprocessing": "WARNING",
    "psycopg.pool": "ERROR",
    "urllib3": "WARNING",
}
"""Who says more than anybody wants to read, and from which level on it is listened to."""

# Advice of ``check --deploy`` for sites with cookies and TLS of their own: a service answers to
# bearer tokens, which no other site can make a browser send, and TLS ends before it.
# The first two ask for middleware of Django whose headers HeadersMiddleware sets.
SILENCED_CHECKS = (
    "security.W001",
    "security.W002",
    "security.W003",
    "security.W004",
    "security.W008",
)


def databases(env: ServiceSettings) -> dict[str, dict[str, Any]]:
    """Derive ``DATABASES``: pooled and bounded in time, or safe for several writers on SQLite."""
    if not env.DATABASE_URL:
        return {}
    config: dict[str, Any] = Env.db_url_config(env.DATABASE_URL)
    given = config.get("OPTIONS", {})
    config["ENGINE"] = SQLITE if config["ENGINE"].endswith("sqlite3") else POSTGRESQL
    if config["ENGINE"] == SQLITE:
        config["OPTIONS"] = {**_sqlite_options(), **given}
        config["TEST"] = _sqlite_test(config["NAME"])
    else:
        config["OPTIONS"] = {**_postgresql_options(env), **given}
        config["CONN_MAX_AGE"] = 0
    return {"default": config}


def _sqlite_options() -> dict[str, Any]:
    return {
        "transaction_mode": "IMMEDIATE",
        "timeout": SQLITE_BUSY_SECONDS,
        "init_command": SQLITE_PRAGMAS,
    }


def _sqlite_test(name: str) -> dict[str, str]:
    """Test on a file as well: threads that share a database in memory lock each other out."""
    return {} if name == ":memory:" else {"NAME": f"{name}.test"}


def _postgresql_options(env: ServiceSettings) -> dict[str, Any]:
    limits = {
        "statement_timeout": int(env.DATABASE_STATEMENT_SECONDS * 1000),
        "lock_timeout": LOCK_SECONDS * 1000,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_SECONDS * 1000,
    }
    return {
        "application_name": env.SERVICE_NAME,
        "connect_timeout": CONNECT_SECONDS,
        "options": " ".join(f"-c {name}={limit}" for name, limit in limits.items()),
        "pool": {
            "min_size": 1,
            "max_size": env.MAX_IN_FLIGHT + PROBING_CONNECTIONS,
            "timeout": POOL_WAIT_SECONDS,
        },
    }


def caches(env: ServiceSettings) -> dict[str, dict[str, Any]]:
    """Derive ``CACHES``: the shared cache by URL, this process without one, nothing when off."""
    if not env.ENABLE_CACHING or env.CACHE_URL.startswith("dummycache:"):
        return {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    if not env.CACHE_URL or env.CACHE_URL.startswith("locmemcache:"):
        return {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    return {
        "default": {
            "BACKEND": TRACED_CACHE if env.OTEL_EXPORTER_OTLP_ENDPOINT else REDIS_CACHE,
            "LOCATION": redis_url(env.CACHE_URL),
            "KEY_PREFIX": env.SERVICE_NAME,
            "OPTIONS": {
                "serializer": "quintet.settings.serializers.JSONSerializer",
                "socket_connect_timeout": CACHE_SECONDS,
                "socket_timeout": CACHE_SECONDS,
                "client_name": env.SERVICE_NAME,
            },
        }
    }


def tasks(env: ServiceSettings) -> dict[str, dict[str, Any]]:
    """Derive ``TASKS``: a queue in the Redis or Valkey of ``BROKER_URL``, or no queue at all."""
    queued = env.ENABLE_ASYNC_PROCESSING and carries_tasks(env.BROKER_URL)
    return {"default": {"BACKEND": QUEUED_TASKS if queued else IMMEDIATE_TASKS}}


def carries_tasks(broker_url: str) -> bool:
    """Whether tasks can be queued at a broker."""
    return urlsplit(broker_url).scheme in REDIS_SCHEMES


def redis_url(location: str) -> str:
    """Valkey speaks the protocol of Redis; the client knows only the scheme of the latter."""
    scheme = urlsplit(location).scheme
    secured = "rediss" if scheme in {"rediss", "valkeys"} else "redis"
    return secured + location[len(scheme) :]


def logging(env: ServiceSettings) -> dict[str, Any]:
    """Derive ``LOGGING``: one JSON object per line on standard output, whoever logs."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": "quintet.telemetry.logs.JSONFormatter",
                "service": env.SERVICE_NAME,
                "version": env.SERVICE_VERSION,
                "environment": env.SERVICE_ENVIRONMENT,
            }
        },
        "handlers": {
            "stdout": {"()": "quintet.telemetry.logs.StandardOutput", "formatter": "json"}
        },
        "root": {"handlers": ["stdout"], "level": env.LOG_LEVEL},
        "loggers": {
            name: {"handlers": [], "level": _stricter(level, env.LOG_LEVEL), "propagate": True}
            for name, level in LOWEST_LEVELS.items()
        },
    }


def _stricter(level: str, other: str) -> str:
    """A logger's own level hides that of the root, so it is never below what was asked for."""
    return max(level, other, key=LEVELS.index)


def rest_framework(env: ServiceSettings) -> dict[str, Any]:  # noqa: ARG001 - one shape for all
    """Derive ``REST_FRAMEWORK``: JSON and tokens only, no permission unless declared, limits."""
    return {
        "DEFAULT_AUTHENTICATION_CLASSES": ["quintet.auth.BearerAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["quintet.auth.Denied"],
        "DEFAULT_THROTTLE_CLASSES": ["quintet.views.throttling.RateThrottle"],
        "UNAUTHENTICATED_USER": "quintet.auth.anonymous",
        "UNAUTHENTICATED_TOKEN": None,
        "EXCEPTION_HANDLER": "quintet.views.errors.exception_handler",
        "DEFAULT_PAGINATION_CLASS": "quintet.views.pagination.Page",
        "PAGE_SIZE": PAGE_SIZE,
        "DEFAULT_FILTER_BACKENDS": [
            "quintet.views.filters.Filters",
            "quintet.views.filters.Search",
            "quintet.views.filters.Ordering",
        ],
        "DEFAULT_PARSER_CLASSES": ["quintet.views.parsers.StrictJSONParser"],
        "DEFAULT_CONTENT_NEGOTIATION_CLASS": "quintet.views.negotiation.Negotiation",
        "DEFAULT_RENDERER_CLASSES": ["quintet.views.renderers.JSONRenderer"],
        "DEFAULT_SCHEMA_CLASS": "quintet.views.schema.AutoSchema",
        "DEFAULT_VERSIONING_CLASS": None,
        # The contract is served as a whole; OPTIONS would tell the docstrings of single classes.
        "DEFAULT_METADATA_CLASS": None,
        "URL_FORMAT_OVERRIDE": None,
        "TEST_REQUEST_DEFAULT_FORMAT": "json",
        "TEST_REQUEST_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    }


def spectacular(env: ServiceSettings, *, title: str, description: str) -> dict[str, Any]:
    """Derive ``SPECTACULAR_SETTINGS`` for the document that the service serves."""
    return {
        "TITLE": title,
        "DESCRIPTION": description,
        "VERSION": env.SERVICE_VERSION,
        "SERVE_INCLUDE_SCHEMA": False,
        "COMPONENT_SPLIT_REQUEST": True,
        "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
        "SCHEMA_PATH_PREFIX": "/(api|internal)/v[0-9]+",
    }
