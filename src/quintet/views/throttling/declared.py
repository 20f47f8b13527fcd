"""What a view declares about how often it may be asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from quintet import conf
from quintet.settings.rates import EXPECTED, Rate, parse

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Rates under a name: views that share it share what a caller may ask.

    The rates stand here, or in the setting that is named here. An empty text is no limit. With
    ``fail_closed`` nobody is let in while nobody can count across processes.
    """

    name: str
    rates: str = ""
    _: KW_ONLY
    setting: str = ""
    fail_closed: bool = False

    def __post_init__(self) -> None:
        """Refuse what could not be counted or written into a header, where it is declared."""
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"A rate limit is named {self.name!r}: use small letters, digits and hyphens."
            )
        if self.rates and self.setting:
            raise ValueError(f"The rate limit {self.name} has rates and a setting: give it one.")
        try:
            parse(self.rates)
        except ValueError as error:
            raise ValueError(
                f"The rate limit {self.name} is {self.rates!r}: write {EXPECTED}."
            ) from error

    def policy(self) -> Policy | None:
        """What is to be counted now, ``None`` for nothing."""
        text = getattr(conf.current(), self.setting) if self.setting else self.rates
        return _policy(self.name, text)


DEFAULT = RateLimit("default", setting="RATE_LIMIT")
"""The limit of every view that declares none."""

UNLIMITED = RateLimit("unlimited")
"""For views that may be asked without end, whatever ``RATE_LIMIT`` says."""

Declared = RateLimit | Mapping[str, RateLimit]
"""What ``rate_limit`` of a view may be: one for all of it, or one per action of a viewset."""


class Policy(NamedTuple):
    """Rates, ready to be counted and to be written into headers."""

    rates: tuple[Rate, ...]
    names: tuple[str, ...]
    header: str
    identity: str


def limit_of(view: Any) -> RateLimit:
    """The limit that holds for the running action of a view, or for all of it."""
    declared: Declared = getattr(view, "rate_limit", DEFAULT)
    if isinstance(declared, Mapping):
        return declared.get(getattr(view, "action", None) or "", DEFAULT)
    return declared


@lru_cache(maxsize=256)
def _policy(name: str, text: str) -> Policy | None:
    rates = parse(text)
    if not rates:
        return None
    names = (name,) if len(rates) == 1 else tuple(f"{name}-{_suffix(rate)}" for rate in rates)
    items = (
        f'"{n}";q={rate.amount};w={rate.seconds}' for n, rate in zip(names, rates, strict=True)
    )
    return Policy(rates, names, ", ".join(items), f"{name}\n{'; '.join(map(str, rates))}\n")


def _suffix(rate: Rate) -> str:
    return rate.window.replace(" ", "-")
