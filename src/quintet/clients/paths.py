"""Paths of other services: put together safely, and judged before they are sent.

The host never comes from a path, so a hostile value cannot leave the service it is meant for. It
could still reach another route of that service, with this service's own authority; that is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias
from urllib.parse import quote, unquote, urlencode

from quintet.errors import ValidationException

Scalar: TypeAlias = str | int | float | bool | None
Params: TypeAlias = Mapping[str, Scalar | Sequence[Scalar]]

_PATH = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:/-]|%[0-9A-Fa-f]{2})*")
_SLOT = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_CONTROL_BELOW = 32
_DELETE = 127


def path(template: str, /, **values: object) -> str:
    """Fill the slots of a template with percent-encoded values: ``path("/users/{id}/", id=7)``.

    Raises:
        ValidationException: a value that cannot be a segment; usually it came from outside.
        TypeError: the values are not the template's.
    """
    slots = set(_SLOT.findall(template))
    if slots != values.keys():
        raise TypeError(f"{template!r} takes {sorted(slots)}, not {sorted(values)}.")
    return _SLOT.sub(lambda slot: _segment(slot[1], str(values[slot[1]])), template)


def judged(target: str) -> str:
    """Return the path if it names a route of the service itself; raise ``ValueError`` if not."""
    if _PATH.fullmatch(target) is None:
        raise ValueError(
            f"{target!r} is not a path: it starts with one slash, has no host, query, fragment or "
            "backslash, and what is special is percent-encoded. "
            "Use path() for values and params= for queries."
        )
    plain = unquote(target)
    if "//" in plain or not plain.isprintable() or set(plain) & set("\\%?#"):
        raise ValueError(f"{target!r} has an empty segment, or hides something by encoding it.")
    if target.lower().count("%2f") or {".", ".."} & set(plain.split("/")):
        raise ValueError(f"{target!r} steps out of its own route.")
    return target


def query(params: Params | None) -> str:
    """Write a query string; a parameter that is ``None`` is left out, a list is repeated."""
    pairs = [
        (name, str(item).lower() if isinstance(item, bool) else str(item))
        for name, value in (params or {}).items()
        for item in (value if isinstance(value, list | tuple) else [value])
        if item is not None
    ]
    return f"?{urlencode(pairs)}" if pairs else ""


def _segment(slot: str, value: str) -> str:
    if value in {"", ".", ".."} or not value.isprintable() or set(value) & set("/\\%?#"):
        raise ValidationException(
            f"{slot} cannot be part of a path.",
            field_errors={slot: ["This value is not an identifier."]},
        )
    return quote(value, safe="")
