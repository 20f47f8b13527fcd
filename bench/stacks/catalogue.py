"""Django settings of every stack, built from one table.

A stack is configured as its documentation says, on the same Django, the same view and the same
log file. ``bare DRF`` is what every figure is added to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stacks import peers, quintets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Settings = dict[str, Any]


def nothing() -> Settings:
    """Add nothing."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A name for the table, what it adds to Django's settings, and the view that it serves."""

    label: str
    settings: Callable[[], Settings] = nothing
    view: str = "drf"
    environ: Mapping[str, str] = field(default_factory=dict)


def only(*middleware: str) -> Callable[[], Settings]:
    """Quintet with nothing but these middlewares."""
    return lambda: {**quintets.everything(), "MIDDLEWARE": list(middleware)}


STACKS: dict[str, Stack] = {
    "django": Stack(label="bare Django view", view="django"),
    "drf": Stack(label="bare DRF"),
    "quintet": Stack(label="Quintet, everything on", settings=quintets.everything),
    "quintet-middleware": Stack(
        label="… with DRF's own JSON and negotiation", settings=quintets.slow_json
    ),
    "quintet-0": Stack(
        label="… with a span, unsampled",
        settings=quintets.everything,
        environ={**quintets.TRACED, "OTEL_TRACES_SAMPLER": "always_off"},
    ),
    "quintet-1": Stack(
        label="… with a span, sampled",
        settings=quintets.everything,
        environ={**quintets.TRACED, "OTEL_TRACES_SAMPLER": "always_on"},
    ),
    **{
        f"only-{name}": Stack(label=f"only {name}", settings=only(*middleware))
        for name, middleware in quintets.PARTS.items()
    },
    "peers": Stack(label="peer stack", settings=peers.everything),
    "peers-1": Stack(
        label="peer stack with OpenTelemetry, sampled",
        settings=peers.traced,
    ),
    "naive": Stack(label="naive middleware of a tutorial", settings=peers.naive),
}
