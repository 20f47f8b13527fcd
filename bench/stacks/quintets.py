"""Quintet as a service uses it: the default middleware, the derived settings."""

from __future__ import annotations

from typing import Any

from quintet.middleware import DEFAULT
from quintet.settings import ServiceSettings, derive

TRACED = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
"""A collector that is never there: the bench is about what a request pays."""

PARTS = {path.rsplit(".", 1)[1].removesuffix("Middleware"): (path,) for path in DEFAULT}


def slow_json() -> dict[str, Any]:
    """What the middleware costs, without what the views save: JSON and negotiation of DRF."""
    chosen = everything()
    del chosen["REST_FRAMEWORK"]["DEFAULT_RENDERER_CLASSES"]
    del chosen["REST_FRAMEWORK"]["DEFAULT_CONTENT_NEGOTIATION_CLASS"]
    return chosen


def everything() -> dict[str, Any]:
    """Read the environment as a service does."""
    env = ServiceSettings.load()
    return {
        "QUINTET": env,
        "ALLOWED_HOSTS": list(env.ALLOWED_HOSTS),
        "INSTALLED_APPS": ["rest_framework", "quintet"],
        "MIDDLEWARE": list(DEFAULT),
        "LOGGING": derive.logging(env),
        "REST_FRAMEWORK": derive.rest_framework(env),
    }
