"""The doors that every service has: ``urlpatterns = [..., *service_urls]``."""

from __future__ import annotations

from django.urls import URLPattern, path

from quintet.views import docs, jwks, loggers, metrics, probes, profile

service_urls: list[URLPattern] = [
    path("livez", probes.livez, name="livez"),
    path("readyz", probes.readyz, name="readyz"),
    path("health/", probes.health, name="health"),
    path("metrics", metrics.metrics, name="metrics"),
    path("loggers", loggers.loggers, name="loggers"),
    path("profile", profile.profile, name="profile"),
    path(".well-known/jwks.json", jwks.jwks, name="jwks"),
    path("openapi.json", docs.openapi, name="openapi"),
    path("docs/", docs.page, name="docs"),
    path("docs/<str:name>", docs.asset, name="docs-asset"),
]
