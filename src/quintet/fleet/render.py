"""Log lines for people: the JSON of a service becomes one short line, the rest stays as it is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

COLOURS = ("cyan", "green", "magenta", "blue", "yellow", "bright_cyan", "bright_magenta")
LEVEL_COLOURS = {"warning": "yellow", "warn": "yellow", "error": "red", "critical": "red"}
GATEWAY_ACCESS = "http.log.access"
CONTROL = re.compile(r"\x1b\[[0-9;]*m|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
QUIET_KEYS = frozenset(
    {"timestamp", "ts", "level", "logger", "message", "msg", "event", "service", "version"}
    | {"environment", "correlation_id", "exception", "stack"}
)


def short(line: str) -> str:
    """Return time, level, message and fields of a JSON line; another line unchanged."""
    fields = fields_of(line)
    if fields is None:
        return _harmless(line, colours=True)
    level = str(fields.get("level", "info")).lower()
    if str(fields.get("logger", "")).startswith(GATEWAY_ACCESS):
        fields = _of_gateway(fields)
    message = str(fields.get("message") or fields.get("msg") or fields.get("event") or "")
    extras = " ".join(f"{key}={_value(fields[key])}" for key in fields if key not in QUIET_KEYS)
    words = [_time(fields), level.upper()[:7].ljust(7), message, extras]
    text = _harmless(" ".join(word for word in words if word))
    text = click.style(text, fg=LEVEL_COLOURS[level]) if level in LEVEL_COLOURS else text
    trace = str(fields.get("exception") or "")
    return "\n".join([text, *(f"  {_harmless(row)}" for row in trace.splitlines())])


def _harmless(text: str, *, colours: bool = False) -> str:
    """Show what would steer the terminal: what is logged may come from anybody."""

    def shown(found: re.Match[str]) -> str:
        is_colour = found[0].endswith("m") and len(found[0]) > 1
        return found[0] if colours and is_colour else found[0].replace(found[0][0], _code(found[0]))

    return CONTROL.sub(shown, text)


def _code(control: str) -> str:
    return f"\\x{ord(control[0]):02x}"


def _of_gateway(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The access log of the gateway in the words that the services use."""
    request = fields.get("request") or {}
    return {
        "timestamp": fields.get("timestamp", ""),
        "message": f"{request.get('method')} {request.get('uri')} {fields.get('status')}",
        "duration_ms": round(1000 * float(fields.get("duration") or 0), 1),
    }


def prefixed(name: str, line: str, *, width: int, colour: str) -> str:
    """Put the name of the process before every row of a rendered line."""
    head = click.style(name.ljust(width) + " │", fg=colour)
    return "\n".join(f"{head} {row}" for row in short(line).splitlines() or [""])


def colour_of(name: str, names: tuple[str, ...]) -> str:
    """Return the colour that a name keeps for the whole run."""
    return COLOURS[names.index(name) % len(COLOURS)] if name in names else "white"


def fields_of(line: str) -> Mapping[str, Any] | None:
    """Return the fields of a JSON line, or nothing when it is no JSON object."""
    if not line.startswith("{"):
        return None
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def _time(fields: Mapping[str, Any]) -> str:
    stamp = str(fields.get("timestamp") or fields.get("ts") or "")
    clock = stamp.partition("T")[2]
    return clock[:12].rstrip("Z+") if clock else ""


def _value(value: object) -> str:
    return value if isinstance(value, str) and " " not in value else json.dumps(value, default=str)
