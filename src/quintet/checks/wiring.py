"""The parts of the chassis are in their places, and nothing has been put in front of them."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's name
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string
from rest_framework.settings import api_settings

from quintet import auth, conf
from quintet.auth import Denied
from quintet.checks.findings import TAG
from quintet.middleware import DEFAULT
from quintet.telemetry import traces
from quintet.views.errors import exception_handler


@register(TAG)
def middleware_is_complete(**_: Any) -> list[CheckMessage]:
    """Every middleware of ``DEFAULT`` is there, and in that order."""
    listed = list(conf.of_django("MIDDLEWARE", []))
    missing = [name for name in DEFAULT if name not in listed]
    findings: list[CheckMessage] = [
        Error(
            f"MIDDLEWARE lacks {name}.",
            hint="Start from MIDDLEWARE = list(quintet.middleware.DEFAULT).",
            id="quintet.E005",
        )
        for name in missing
    ]
    present = [name for name in listed if name in DEFAULT]
    if present != [name for name in DEFAULT if name in present]:
        findings.append(
            Error(
                "MIDDLEWARE lists the middleware of the chassis in another order.",
                hint=f"The order is: {', '.join(DEFAULT)}.",
                id="quintet.E006",
            )
        )
    if present and listed.index(present[0]) > 0:
        findings.append(
            Warning(
                f"{listed[0]} stands before the middleware of the chassis.",
                hint="Move it behind them: what fails there has no correlation id and no envelope.",
                id="quintet.W001",
            )
        )
    return findings


@register(TAG)
def errors_reach_the_envelope(**_: Any) -> list[CheckMessage]:
    """DRF hands its errors to the handler of the chassis, or to one that ends there."""
    handler = conf.of_django("REST_FRAMEWORK", {}).get("EXCEPTION_HANDLER")
    handler = import_string(handler) if isinstance(handler, str) else handler
    if handler is exception_handler or getattr(handler, "extends", None) is exception_handler:
        return []
    return [
        Error(
            "REST_FRAMEWORK does not use quintet.views.errors.exception_handler.",
            hint=(
                "Use REST_FRAMEWORK = derive.rest_framework(env), or set `extends = "
                "exception_handler` on a handler of your own that calls it."
            ),
            id="quintet.E007",
        )
    ]


@register(TAG)
def nothing_is_open_by_default(**_: Any) -> list[CheckMessage]:
    """A view that declares nothing is denied to everybody."""
    if _defaults() == [Denied]:
        return []
    return [
        Error(
            "REST_FRAMEWORK has another default permission than quintet.auth.Denied.",
            hint="Use derive.rest_framework(env) and declare permissions per route.",
            id="quintet.E008",
        )
    ]


def _defaults() -> list[Any]:
    return list(api_settings.DEFAULT_PERMISSION_CLASSES)


@register(TAG)
def traces_have_their_packages(**_: Any) -> list[CheckMessage]:
    """A service that is told to trace is able to."""
    missing = traces.missing_package()
    if not missing or not conf.current().OTEL_EXPORTER_OTLP_ENDPOINT:
        return []
    return [
        Error(
            f"OTEL_EXPORTER_OTLP_ENDPOINT is set, but there is no package {missing}.",
            hint="Install quintet[otel], or unset OTEL_EXPORTER_OTLP_ENDPOINT.",
            id="quintet.E022",
        )
    ]


@register(TAG)
def slashes_are_not_appended(**_: Any) -> list[CheckMessage]:
    """No redirect stands between a client and a route: a redirected POST loses its body."""
    if not conf.of_django("APPEND_SLASH", True):
        return []
    return [
        Error(
            "APPEND_SLASH is on.",
            hint="Set APPEND_SLASH = False: an unknown URL is a 404, not a redirect.",
            id="quintet.E009",
        )
    ]


@register(TAG)
def settings_are_declared(**_: Any) -> list[CheckMessage]:
    """The service hands its typed settings to the chassis."""
    if conf.of_django("QUINTET") is not None:
        return []
    return [
        Warning(
            "settings.QUINTET is not set: the chassis reads the environment without the "
            "service's own declarations.",
            hint="Set QUINTET = env, where env = YourSettings.load().",
            id="quintet.W002",
        )
    ]


@register(TAG)
def signing_keys_are_readable(**_: Any) -> list[CheckMessage]:
    """A service finds out before its first request that it cannot sign."""
    try:
        auth.jwks()
    except ImproperlyConfigured as error:
        hint = "Give P-256 keys as PEM, the first of them private: quintet.auth.generate_key()."
        return [Error(str(error), hint=hint, id="quintet.E015")]
    return []
