from __future__ import annotations

import pytest

from quintet.auth import generate_key
from quintet.telemetry import traces
from tests.checks.findings import ids, judged

UNSAFE = [
    ({"DEBUG": True}, "quintet.E010"),
    ({"ALLOWED_HOSTS": []}, "quintet.E011"),
    ({"ALLOWED_HOSTS": ["*"]}, "quintet.E011"),
    ({"SECRET_KEY": "short"}, "quintet.E012"),
    ({"USE_X_FORWARDED_HOST": True}, "quintet.E013"),
]


@pytest.mark.parametrize(("unsafe", "identity"), UNSAFE)
def test_a_value_written_past_the_environment_is_refused_in_production_only(
    production, declare, settings, unsafe, identity
):
    for name, value in unsafe.items():
        setattr(settings, name, value)

    in_production = ids()
    declare(SERVICE_ENVIRONMENT="development")

    assert in_production == [identity]
    assert ids() == []


def test_production_with_values_of_the_environment_is_fine(production):
    assert ids() == []


REDIS = "django.core.cache.backends.redis.RedisCache"


@pytest.mark.parametrize(
    ("cache", "found"),
    [
        ({"BACKEND": REDIS, "LOCATION": "redis://cache:6379"}, ["quintet.E014"]),
        (
            {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "t"},
            ["quintet.E014"],
        ),
        ({"BACKEND": REDIS, "LOCATION": "redis://c:6379", "OPTIONS": {"serializer": "x.JSON"}}, []),
        ({"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}, []),
    ],
)
def test_a_shared_cache_of_pickles_is_refused_in_production(production, settings, cache, found):
    settings.CACHES = {"default": cache}

    assert ids() == found


def test_a_cache_of_pickles_is_fine_on_a_laptop(declare, settings):
    declare()
    settings.CACHES = {"default": {"BACKEND": REDIS, "LOCATION": "redis://cache:6379"}}

    assert ids() == []


@pytest.mark.parametrize(
    ("pool", "environ", "found"),
    [
        ({"max_size": 8}, {"MAX_IN_FLIGHT": "8", "WEB_WORKERS": "4"}, []),
        ({"max_size": 20}, {"MAX_IN_FLIGHT": "8", "WEB_WORKERS": "4"}, ["quintet.W003"]),
        ({"max_size": 4}, {"MAX_IN_FLIGHT": "8", "WEB_WORKERS": "1"}, ["quintet.W004"]),
        ({}, {"MAX_IN_FLIGHT": "8", "WEB_WORKERS": "16"}, ["quintet.W003", "quintet.W004"]),
        (True, {"MAX_IN_FLIGHT": "8"}, []),
    ],
)
def test_a_pool_fits_the_threads_and_the_server(declare, monkeypatch, pool, environ, found):
    from django.conf import settings

    declare(**environ)
    database = {"ENGINE": "django.db.backends.postgresql", "OPTIONS": {"pool": pool}}
    monkeypatch.setattr(settings, "DATABASES", {"default": database})

    assert ids() == found


@pytest.mark.parametrize(
    "keys", ["no key at all", "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"]
)
def test_signing_keys_that_cannot_be_read_stop_the_start_and_are_not_shown(declare, keys):
    declare(AUTH_SIGNING_KEYS=keys)

    (found,) = judged()

    assert found.id == "quintet.E015"
    assert "hunter2" not in f"{found.msg} {found.hint}"


def test_signing_keys_that_can_be_read_are_fine(declare):
    declare(AUTH_SIGNING_KEYS=generate_key())

    assert ids() == []


@pytest.mark.parametrize(
    ("endpoint", "missing", "found"),
    [
        ("http://collector:4318", "opentelemetry.sdk", ["quintet.E022"]),
        ("http://collector:4318", "", []),
        ("", "opentelemetry.sdk", []),
    ],
)
def test_tracing_without_its_packages_stops_the_start(
    declare, monkeypatch, endpoint, missing, found
):
    declare(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    monkeypatch.setattr(traces, "missing_package", lambda: missing)

    assert ids() == found
