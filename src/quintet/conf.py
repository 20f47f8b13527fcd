"""The waterline: the only reader of ``django.conf.settings``; below it there is no Django."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed

from quintet.settings import ServiceSettings


@cache
def current() -> ServiceSettings:
    """Return what the service declared as ``QUINTET``, or what the environment says without it."""
    declared = getattr(settings, "QUINTET", None)
    if declared is None:
        return ServiceSettings.load()
    if not isinstance(declared, ServiceSettings):
        raise TypeError(f"QUINTET is {type(declared).__name__}; set it to ServiceSettings.load().")
    return declared


def of_django(name: str, default: Any = None) -> Any:
    """Return one of Django's own settings, for the checks that judge it."""
    return getattr(settings, name, default)


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "QUINTET":
        current.cache_clear()


setting_changed.connect(_forget)
