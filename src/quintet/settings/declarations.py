"""The kinds of settings that a service can declare.

Each function returns, for a type checker, the value that the setting will have. At run time it is a
``Declaration``, which ``ServiceSettings.load`` replaces by that value.
"""

from __future__ import annotations

import ipaddress
import math
import re
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypedDict, TypeVar, Unpack, cast
from urllib.parse import urlsplit

from quintet.settings.rates import EXPECTED as RATES
from quintet.settings.rates import parse as parse_rates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MISSING: Final[Any] = type("Missing", (), {"__repr__": lambda _: "MISSING"})()
"""No default: the variable has to be set."""

T = TypeVar("T")
Number = TypeVar("Number", int, float)

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_WITHOUT_HOST = frozenset({"sqlite", "locmemcache", "dummycache", "unix"})
_NOT_IN_A_URL = re.compile(r"[\s\x00-\x1f\x7f]")


class Common(TypedDict, total=False):
    """What every declaration takes, next to what its kind does."""

    secret: bool
    required_in_production: bool
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """How one setting is read: ``parse`` raises ``ValueError`` for what is not ``expected``."""

    parse: Callable[[str], Any]
    expected: str
    default: Any = MISSING
    secret: bool = False
    required_in_production: bool = False
    help: str = ""
    empty_is_a_value: bool = False

    @property
    def required(self) -> bool:
        """Whether a service cannot start without this variable, wherever it runs."""
        return self.default is MISSING


def boolean(*, default: bool = MISSING, **common: Unpack[Common]) -> bool:
    """Declare a switch: true/false, yes/no, on/off or 1/0, in any case."""

    def parse(raw: str) -> bool:
        word = raw.lower()
        if word not in _TRUE | _FALSE:
            raise ValueError(raw)
        return word in _TRUE

    return _declare(parse, expected="true or false", default=default, **common)


def integer(
    *,
    default: int = MISSING,
    minimum: int | None = None,
    maximum: int | None = None,
    **common: Unpack[Common],
) -> int:
    """Declare a whole number, between bounds that are themselves allowed."""
    expected = "a whole number" + _bounds(minimum, maximum)

    def parse(raw: str) -> int:
        return _within(int(raw), minimum, maximum)

    return _declare(parse, expected=expected, default=default, **common)


def number(
    *,
    default: float = MISSING,
    minimum: float | None = None,
    maximum: float | None = None,
    **common: Unpack[Common],
) -> float:
    """Declare a finite number, between bounds that are themselves allowed."""
    expected = "a number" + _bounds(minimum, maximum)

    def parse(raw: str) -> float:
        value = float(raw)
        if not math.isfinite(value):
            raise ValueError(raw)
        return _within(value, minimum, maximum)

    return _declare(parse, expected=expected, default=default, **common)


def text(*, default: str = MISSING, pattern: str = "", **common: Unpack[Common]) -> str:
    """Declare any text, or text that matches ``pattern`` from end to end."""
    expected = f"text that matches {pattern}" if pattern else "text"

    def parse(raw: str) -> str:
        if pattern and not re.fullmatch(pattern, raw):
            raise ValueError(raw)
        return raw

    return _declare(parse, expected=expected, default=default, empty_is_a_value=True, **common)


def choice(*options: str, default: str = MISSING, **common: Unpack[Common]) -> str:
    """Declare one of ``options``; upper and lower case are the same, unless two options differ."""
    by_name = {option.lower(): option for option in options}

    def parse(raw: str) -> str:
        return _lookup(by_name, raw.lower())

    expected = f"one of {', '.join(options)}"
    return _declare(parse, expected=expected, default=default, **common)


def url(*, schemes: tuple[str, ...], default: str = MISSING, **common: Unpack[Common]) -> str:
    """Declare a URL with one of ``schemes``; a password in it is never shown."""

    def parse(raw: str) -> str:
        return checked_url(raw, schemes=schemes)

    expected = "a URL: " + ", ".join(f"{scheme}://…" for scheme in schemes)
    return _declare(parse, expected=expected, default=default, **common)


def addresses(*, default: str = MISSING, **common: Unpack[Common]) -> str:
    """Declare where another service is: one URL, or those of all replicas, separated by commas."""

    def parse(raw: str) -> str:
        parts = (part.strip() for part in raw.split(","))
        return ",".join(checked_url(part, schemes=("http", "https")) for part in parts)

    expected = "http://… or https://…, or several of them, separated by commas"
    return _declare(parse, expected=expected, default=default, **common)


def rates(*, default: str = MISSING, **common: Unpack[Common]) -> str:
    """Declare how often something may be asked, such as ``600/minute``; empty for no limit."""

    def parse(raw: str) -> str:
        parse_rates(raw)
        return raw.strip()

    return _declare(parse, expected=RATES, default=default, empty_is_a_value=True, **common)


def items(
    *,
    default: tuple[str, ...] = MISSING,
    each: Callable[[str], str] = str,
    expected: str = "values separated by commas",
    **common: Unpack[Common],
) -> tuple[str, ...]:
    """Declare a list, separated by commas; ``each`` checks and normalises one value."""

    def parse(raw: str) -> tuple[str, ...]:
        return tuple(each(part.strip()) for part in raw.split(",") if part.strip())

    return _declare(parse, expected=expected, default=default, empty_is_a_value=True, **common)


def rising(*, default: tuple[float, ...] = MISSING, **common: Unpack[Common]) -> tuple[float, ...]:
    """Declare one number above 0 or more, each larger than the one before."""

    def parse(raw: str) -> tuple[float, ...]:
        values = tuple(float(part) for part in raw.split(","))
        if not all(low < high < math.inf for low, high in pairwise((0.0, *values))):
            raise ValueError(raw)
        return values

    expected = "numbers above 0 in rising order, separated by commas"
    return _declare(parse, expected=expected, default=default, **common)


def mapping(
    *,
    default: Mapping[str, str] = MISSING,
    each: Callable[[str], str] = str,
    expected: str = "name=value pairs separated by commas",
    **common: Unpack[Common],
) -> Mapping[str, str]:
    """Declare names with a value each: ``a=1,b=2``; ``each`` checks and normalises one value."""

    def parse(raw: str) -> Mapping[str, str]:
        pairs = [part.partition("=") for part in raw.split(",") if part.strip()]
        found = {name.strip(): each(value.strip()) for name, _, value in pairs}
        if len(found) != len(pairs) or not all(name and value for name, value in found.items()):
            raise ValueError(raw)
        return MappingProxyType(found)

    return _declare(parse, expected=expected, default=default, empty_is_a_value=True, **common)


def network(raw: str) -> str:
    """Check one IP network in CIDR notation, for ``items(each=network)``; an address is one too."""
    return str(ipaddress.ip_network(raw))


def checked_url(raw: str, *, schemes: tuple[str, ...]) -> str:
    """Return ``raw`` if it is a URL with one of ``schemes``, and a host where one is needed."""
    if raw == "sqlite://:memory:" and "sqlite" in schemes:
        return raw
    parts = urlsplit(raw)
    if _NOT_IN_A_URL.search(raw) or parts.scheme not in schemes:
        raise ValueError(raw)
    if parts.port == 0 or not (parts.hostname or parts.scheme in _WITHOUT_HOST):
        raise ValueError(raw)
    return raw


def _declare(parse: Callable[[str], T], **rest: Any) -> T:
    return cast("T", Declaration(parse=parse, **rest))


def _lookup(options: Mapping[str, str], name: str) -> str:
    if name not in options:
        raise ValueError(name)
    return options[name]


def _within(value: Number, minimum: float | None, maximum: float | None) -> Number:
    if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
        raise ValueError(value)
    return value


def _bounds(minimum: float | None, maximum: float | None) -> str:
    if minimum is None:
        return "" if maximum is None else f", at most {maximum}"
    return f", at least {minimum}" if maximum is None else f" from {minimum} to {maximum}"
