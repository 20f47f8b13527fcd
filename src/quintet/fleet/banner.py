"""What a person sees when the system is up: where it is, what to try, how to stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

MEBIBYTE = 1024 * 1024
MARKS = {"ready": ("✓", "green"), "degraded": ("!", "yellow"), "crashed": ("✗", "red")}


def text(status: Mapping[str, Any], *, detached: bool) -> str:
    """Return the banner of a running system."""
    gateway = status["gateway"]
    stop = "./quintet down" if detached else "Ctrl-C"
    rows = [
        *(("Note", words) for words in status["notes"]),
        *_states(status),
        *_origins(status["origins"]),
        ("Gateway", gateway),
        ("API docs", f"{gateway}/docs/"),
        ("Try", f"curl -s {status['example']}"),
        ("Stop", f"{stop}     Logs: {status['logs']}"),
    ]
    return "\n".join(f"  {click.style(label.ljust(9), bold=True)} {words}" for label, words in rows)


def table(status: Mapping[str, Any]) -> str:
    """Return one line per unit: name, state, pid, port, restarts and the reason of its state."""
    heads = ("NAME", "STATE", "PID", "PORT", "RESTARTS", "")
    rows = [heads, *(_row(unit) for unit in status["units"])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def timings(phases: Mapping[str, float], memory_bytes: int) -> str:
    """Return how long each phase took, and what everything takes at rest."""
    rows = [f"  {name.ljust(9)} {seconds:6.1f} s" for name, seconds in phases.items()]
    total = sum(phases.values())
    return "\n".join(
        [
            *rows,
            f"  {'total':9} {total:6.1f} s",
            f"  {'memory':9} {memory_bytes / MEBIBYTE:6.0f} MiB",
        ]
    )


def _states(status: Mapping[str, Any]) -> list[tuple[str, str]]:
    kinds = {"server": "Servers", "service": "Services", "worker": "Workers"}
    rows = []
    for kind, label in kinds.items():
        units = [unit for unit in status["units"] if unit["kind"] == kind]
        if units:
            rows.append((label, "  ".join(_marked(unit) for unit in units)))
    return rows


def _marked(unit: Mapping[str, Any]) -> str:
    mark, colour = MARKS.get(unit["state"], ("…", "yellow"))
    reason = f" ({unit['reason']})" if unit["reason"] else ""
    return f"{click.style(mark, fg=colour)} {unit['name']}{reason}"


def _origins(origins: Mapping[str, str]) -> list[tuple[str, str]]:
    """Name each source once, with all that come from it."""
    by_source: dict[str, list[str]] = {}
    for what, source in origins.items():
        if source != "none":
            by_source.setdefault(source, []).append(what)
    words = "; ".join(f"{source}: {', '.join(what)}" for source, what in by_source.items())
    return [("URLs", words)] if words else []


def _row(unit: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        unit["name"],
        unit["state"],
        str(unit["pid"] or "-"),
        str(unit["port"] or "-"),
        str(unit["restarts"]),
        unit["reason"],
    )
