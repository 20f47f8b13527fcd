"""Makes any value fit into a log line: bounded, redacted, and of types that JSON knows.

Nothing in here raises for any value, however hostile its ``__repr__`` is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from quintet.telemetry.redaction import HIDDEN, is_secret_name, redact

LONGEST_NAME = 200
LONGEST_TEXT = 4_096
LONGEST_EXCEPTION = 32_768
LONGEST_SCANNED = 131_072
MOST_ITEMS = 100
DEEPEST = 6
LARGEST_INTEGER = 2**63
SMALLEST_CARD = 10**12

_PLAIN = frozenset({bool, float, type(None)})


def fit(value: Any, *, depth: int = 0) -> Any:
    """Return ``value`` as a log line may hold it."""
    kind = type(value)
    if kind is str:
        return fit_text(value)
    if kind in _PLAIN or (kind is int and -LARGEST_INTEGER <= value < SMALLEST_CARD):
        return value
    try:
        return _fit_other(value, depth=depth + 1)
    except Exception as error:  # noqa: BLE001 - any code may run in a value, and the line must survive it
        return f"<{kind.__name__}, which raises {type(error).__name__}>"


def _fit_other(value: Any, *, depth: int) -> Any:
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _fit_inside(value, depth=depth)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, BaseException):
        return fit_text(f"{type(value).__name__}: {value}")
    text = str(value)
    fitted = fit_text(text)
    return value if type(value) is int and value < LARGEST_INTEGER and fitted == text else fitted


def _fit_inside(value: Mapping[Any, Any] | Collection[Any], *, depth: int) -> Any:
    if depth > DEEPEST:
        return f"<{type(value).__name__}, too deep>"
    if isinstance(value, Mapping):
        return fit_fields(value, depth=depth)
    return [fit(each, depth=depth) for each in islice(value, MOST_ITEMS)]


def fit_fields(fields: Mapping[Any, Any], *, depth: int = 0) -> dict[str, Any]:
    """Return named values as a log line may hold them, and hide those named like a secret."""
    fitted: dict[str, Any] = {}
    for key, value in islice(fields.items(), MOST_ITEMS):
        name = _name(key)
        if is_secret_name(name):
            fitted[name] = HIDDEN
        elif type(value) in _PLAIN:
            fitted[name] = value
        else:
            fitted[name] = fit(value, depth=depth)
    return fitted


def fit_text(text: str, *, longest: int = LONGEST_TEXT) -> str:
    """Return ``text`` redacted, and cut in the middle when it is too long."""
    redacted = redact(text[:LONGEST_SCANNED])
    if len(redacted) <= longest:
        return redacted
    half = longest // 2
    return f"{redacted[:half]} … {len(text) - 2 * half} characters … {redacted[-half:]}"


def _name(key: Any) -> str:
    """Return a short name, whoever chose it: what follows remembers the names it has met."""
    text = key if type(key) is str else str(fit(key))
    return _redacted(text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…")


@lru_cache(maxsize=4096)
def _redacted(name: str) -> str:
    return redact(name)
