"""Settings: the environment and files in, typed values out; usable before ``django.setup()``."""

from __future__ import annotations

from quintet.settings.declarations import (
    addresses,
    boolean,
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
from quintet.settings.problems import Problem, SettingsError
from quintet.settings.service import Row, ServiceSettings

__all__ = [
    "Problem",
    "Row",
    "ServiceSettings",
    "SettingsError",
    "addresses",
    "boolean",
    "choice",
    "integer",
    "items",
    "mapping",
    "network",
    "number",
    "rates",
    "rising",
    "text",
    "url",
]
