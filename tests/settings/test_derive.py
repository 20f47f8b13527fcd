from __future__ import annotations

import json
import logging.config
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Event

import pytest
from django.core.cache import caches
from django.db import connections, transaction
from django.utils.module_loading import import_string

from quintet.settings import ServiceSettings, derive

GIVEN = {"SERVICE_NAME": "shop", "SECRET_KEY": "k", "SERVICE_ENVIRONMENT": "test"}


def load(**environ: str) -> ServiceSettings:
    return ServiceSettings.load({**GIVEN, **environ})


def database(location: str, **environ: str) -> dict:
    return derive.databases(load(DATABASE_URL=location, **environ))["default"]


def test_without_a_url_there_is_no_database():
    assert derive.databases(load()) == {}


def test_postgresql_is_pooled_and_keeps_no_connection_of_its_own():
    made = database("postgres://shop:p%40ss@db:5433/shop", MAX_IN_FLIGHT="6")

    assert made["ENGINE"] == "quintet.database.postgresql"
    assert (made["HOST"], made["PORT"], made["NAME"]) == ("db", 5433, "shop")
    assert (made["USER"], made["PASSWORD"]) == ("shop", "p@ss")
    assert made["CONN_MAX_AGE"] == 0
    assert made["OPTIONS"]["pool"] == {"min_size": 1, "max_size": 7, "timeout": 3}


def test_a_url_cannot_bring_back_what_the_pool_forbids():
    made = database("postgres://shop@db/shop?conn_max_age=600")

    assert made["CONN_MAX_AGE"] == 0


def test_every_wait_for_postgresql_ends():
    options = database("postgresql://shop@db/shop")["OPTIONS"]

    assert options["connect_timeout"] == 2
    assert options["application_name"] == "shop"
    for limit in ("statement_timeout=15000", "lock_timeout=5000"):
        assert f"-c {limit}" in options["options"]
    assert "-c idle_in_transaction_session_timeout=30000" in options["options"]


def test_the_time_for_a_statement_is_a_setting():
    options = database("postgres://shop@db/shop", DATABASE_STATEMENT_SECONDS="0")["OPTIONS"]

    assert "-c statement_timeout=0 " in options["options"]


def test_an_option_in_the_url_wins():
    options = database("postgres://shop@db/shop?sslmode=require&connect_timeout=9")["OPTIONS"]

    assert (options["sslmode"], options["connect_timeout"]) == ("require", 9)


def test_sqlite_in_memory_and_in_a_file():
    assert database("sqlite://:memory:")["NAME"] == ":memory:"
    assert database("sqlite:////var/lib/shop.db")["NAME"] == "/var/lib/shop.db"


@pytest.fixture
def shared(tmp_path, django_db_blocker):
    """A database in a file, as a service would use it, outside any transaction."""
    made = database(f"sqlite:///{tmp_path}/shop.db")
    connections.databases["shared"] = {**connections.databases["default"], **made}
    with django_db_blocker.unblock():
        yield connections["shared"]
        connections["shared"].close()
    del connections["shared"], connections.databases["shared"]


def test_writers_wait_for_one_another_on_sqlite(shared):
    """In a deferred transaction, the second to write after both have read fails at once."""
    first_has_read, second_has_read = Event(), Event()
    with shared.cursor() as cursor:
        cursor.execute("CREATE TABLE counter AS SELECT 0 AS value")

    def first() -> None:
        with _counting() as value:
            first_has_read.set()
            second_has_read.wait(0.3)
            _write(value + 1)

    def second() -> None:
        first_has_read.wait(5)
        with _counting() as value:
            second_has_read.set()
            _write(value + 1)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(first), pool.submit(second)]:
            done.result()

    with shared.cursor() as cursor:
        assert cursor.execute("SELECT value FROM counter").fetchone() == (2,)
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@contextmanager
def _counting():
    with closing(connections["shared"]) as connection, transaction.atomic(using="shared"):
        with connection.cursor() as cursor:
            (value,) = cursor.execute("SELECT value FROM counter").fetchone()
        yield value


def _write(value: int) -> None:
    with connections["shared"].cursor() as cursor:
        cursor.execute("UPDATE counter SET value = %s", [value])


@pytest.mark.parametrize(
    ("environ", "backend"),
    [
        ({}, "django.core.cache.backends.locmem.LocMemCache"),
        ({"CACHE_URL": "locmemcache://"}, "django.core.cache.backends.locmem.LocMemCache"),
        ({"CACHE_URL": "dummycache://"}, "django.core.cache.backends.dummy.DummyCache"),
        (
            {"CACHE_URL": "redis://cache:6379/0", "ENABLE_CACHING": "off"},
            "django.core.cache.backends.dummy.DummyCache",
        ),
        ({"CACHE_URL": "redis://cache:6379/0"}, "quintet.cache.redis.RedisCache"),
    ],
)
def test_the_cache_is_what_the_url_and_the_switch_say(environ, backend):
    made = derive.caches(load(**environ))["default"]

    assert made["BACKEND"] == backend


@pytest.mark.parametrize(
    ("given", "location"),
    [
        ("redis://:pw@cache:6379/1", "redis://:pw@cache:6379/1"),
        ("valkey://cache:6379", "redis://cache:6379"),
        ("rediss://cache", "rediss://cache"),
        ("valkeys://cache", "rediss://cache"),
    ],
)
def test_valkey_is_spoken_to_in_the_protocol_of_redis(given, location):
    made = derive.caches(load(CACHE_URL=given))["default"]

    assert made["LOCATION"] == location


def test_the_shared_cache_is_bounded_in_time_separated_by_service_and_free_of_pickle():
    made = derive.caches(load(CACHE_URL="redis://cache"))["default"]

    assert made["KEY_PREFIX"] == "shop"
    assert made["OPTIONS"]["socket_timeout"] == made["OPTIONS"]["socket_connect_timeout"] == 1.0
    assert made["OPTIONS"]["serializer"].endswith("JSONSerializer")


def test_django_can_build_the_shared_cache(settings):
    settings.CACHES = derive.caches(load(CACHE_URL="redis://127.0.0.1:1/0"))

    cache = caches["default"]

    assert type(cache._cache._serializer).__name__ == "JSONSerializer"


def test_every_class_that_is_named_for_rest_framework_exists():
    named = [
        name
        for value in derive.rest_framework(load()).values()
        for name in (value if isinstance(value, list) else [value])
        if isinstance(name, str) and "." in name
    ]

    assert len(named) > 5
    assert all(callable(import_string(name)) for name in named)


def test_the_document_has_the_title_and_the_version_of_the_service():
    made = derive.spectacular(load(SERVICE_VERSION="2.3"), title="Shop", description="Sells.")

    assert (made["TITLE"], made["DESCRIPTION"], made["VERSION"]) == ("Shop", "Sells.", "2.3")


WITHOUT_DJANGO = """
import json, sys
from quintet.settings import ServiceSettings, derive
env = ServiceSettings.load(json.loads(sys.argv[1]))
derive.databases(env), derive.caches(env), derive.logging(env)
derive.rest_framework(env), derive.spectacular(env, title="", description="")
print(*sorted(name for name in sys.modules if name.split(".")[0] in ("django", "rest_framework")))
"""


def test_settings_are_read_and_derived_without_django():
    """Without more of it than the one exception that django-environ raises."""
    environ = {**GIVEN, "DATABASE_URL": "postgres://a@b/c", "CACHE_URL": "redis://c"}
    command = [sys.executable, "-c", WITHOUT_DJANGO, json.dumps(environ)]

    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert set(loaded) <= {
        "django",
        "django.core",
        "django.core.exceptions",
        "django.utils",
        "django.utils.version",
        "django.utils.hashable",
        "django.utils.itercompat",
        "django.utils.regex_helper",
        "django.utils.functional",
    }


def test_the_logging_that_is_derived_can_be_configured():
    before = logging.root.handlers[:], logging.root.level
    try:
        logging.config.dictConfig(derive.logging(load(LOG_LEVEL="ERROR")))

        assert logging.root.level == logging.ERROR
        assert [type(handler).__name__ for handler in logging.root.handlers] == ["StandardOutput"]
    finally:
        logging.root.handlers[:], logging.root.level = before


@pytest.mark.parametrize(
    ("asked", "django", "server"), [("DEBUG", "INFO", "WARNING"), ("ERROR", "ERROR", "ERROR")]
)
def test_no_logger_says_more_than_was_asked_for(asked, django, server):
    loggers = derive.logging(load(LOG_LEVEL=asked))["loggers"]

    assert loggers["django"]["level"] == django
    assert loggers["django.server"]["level"] == loggers["urllib3"]["level"] == server
