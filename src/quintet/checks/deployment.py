"""What is fine on a laptop and is not in production."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's name

from quintet import conf
from quintet.checks.findings import TAG

CONNECTIONS_MAX = 60
"""More than this from one host leave little of PostgreSQL's usual hundred for anybody else."""

SHORTEST_KEY = 50

_ALWAYS_PICKLES = (
    "django.core.cache.backends.db.",
    "django.core.cache.backends.filebased.",
    "django.core.cache.backends.memcached.",
)
_REDIS = ("django.core.cache.backends.redis.", "quintet.cache.redis.")


@register(TAG)
def production_is_safe(**_: Any) -> list[CheckMessage]:
    """Values that somebody wrote into ``settings.py`` past the environment are judged as well."""
    if not _in_production():
        return []
    findings: list[CheckMessage] = []
    if conf.of_django("DEBUG", False):
        findings.append(_refusal("DEBUG is on", "Take DEBUG from the environment.", "quintet.E010"))
    hosts = conf.of_django("ALLOWED_HOSTS", [])
    if not hosts or "*" in hosts:
        findings.append(
            _refusal(
                "ALLOWED_HOSTS is empty or holds *",
                "Name the hosts in the variable ALLOWED_HOSTS.",
                "quintet.E011",
            )
        )
    if len(conf.of_django("SECRET_KEY", "")) < SHORTEST_KEY:
        findings.append(
            _refusal(
                f"SECRET_KEY is shorter than {SHORTEST_KEY} characters",
                "Take SECRET_KEY from the environment or a file.",
                "quintet.E012",
            )
        )
    if conf.of_django("USE_X_FORWARDED_HOST", False):
        findings.append(
            _refusal(
                "USE_X_FORWARDED_HOST is on",
                "Let the gateway hand on the Host header instead: anybody can write the other one.",
                "quintet.E013",
            )
        )
    return findings


@register(TAG)
def caches_do_not_unpickle(**_: Any) -> list[CheckMessage]:
    """A shared cache holds data, not programs: whoever writes a pickle runs code in its reader."""
    if not _in_production():
        return []
    return [
        _refusal(
            f"The cache {alias!r} stores pickles",
            "Use CACHES = derive.caches(env), or give the Redis backend a JSON serializer.",
            "quintet.E014",
        )
        for alias, config in conf.of_django("CACHES", {}).items()
        if _pickles(config)
    ]


@register(TAG)
def pools_fit_the_server(**_: Any) -> list[CheckMessage]:
    """A pool per process: neither too many connections in all, nor too few for the requests."""
    env = conf.current()
    findings: list[CheckMessage] = []
    for alias, config in conf.of_django("DATABASES", {}).items():
        pool = config.get("OPTIONS", {}).get("pool")
        if not isinstance(pool, dict):
            continue
        largest = int(pool.get("max_size") or pool.get("min_size") or 4)
        if largest * env.WEB_WORKERS > CONNECTIONS_MAX:
            findings.append(_too_many(alias, largest, workers=env.WEB_WORKERS))
        if largest < env.MAX_IN_FLIGHT:
            findings.append(_too_few(alias, largest, in_flight=env.MAX_IN_FLIGHT))
    return findings


def _in_production() -> bool:
    return conf.current().SERVICE_ENVIRONMENT == "production"


def _pickles(config: dict[str, Any]) -> bool:
    backend = config.get("BACKEND", "")
    if backend.startswith(_ALWAYS_PICKLES):
        return True
    return backend.startswith(_REDIS) and "serializer" not in config.get("OPTIONS", {})


def _refusal(what: str, remedy: str, identity: str) -> CheckMessage:
    return Error(f"{what} in production.", hint=remedy, id=identity)


def _too_many(alias: str, largest: int, *, workers: int) -> CheckMessage:
    return Warning(
        f"The database {alias!r} may get {largest * workers} connections from one host: "
        f"{workers} workers with a pool of {largest} each.",
        hint=f"Lower WEB_WORKERS or MAX_IN_FLIGHT: their product may be {CONNECTIONS_MAX} at most.",
        id="quintet.W003",
    )


def _too_few(alias: str, largest: int, *, in_flight: int) -> CheckMessage:
    return Warning(
        f"The database {alias!r} has a pool of {largest} for {in_flight} requests at once.",
        hint="Set max_size of the pool to MAX_IN_FLIGHT or more: the others wait for one.",
        id="quintet.W004",
    )
