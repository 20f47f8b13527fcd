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
DECLARED = "stacks.declared.view"


def nothing() -> Settings:
    """Add nothing."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A name for the table, what it adds to Django's settings, and the view that it serves."""

    label: str
    settings: Callable[[], Settings] = nothing
    view: str = "stacks.views.drf"
    environ: Mapping[str, str] = field(default_factory=dict)


def only(*middleware: str) -> Callable[[], Settings]:
    """Quintet with nothing but these middlewares."""
    return lambda: {**quintets.everything(), "MIDDLEWARE": list(middleware)}


PLAIN: Settings = {
    "SECRET_KEY": "a bench signs nothing, and nobody is to believe what it signs",
    "ALLOWED_HOSTS": ["testserver", "127.0.0.1"],
    "INSTALLED_APPS": ["rest_framework"],
    "ROOT_URLCONF": "stacks.urls",
    "WSGI_APPLICATION": "stacks.wsgi.application",
    "USE_TZ": True,
    "APPEND_SLASH": False,
    "INSTRUMENT": lambda: None,
    "REST_FRAMEWORK": {"UNAUTHENTICATED_USER": None},
}


def settings_of(name: str) -> Settings:
    """Everything that Django is told for one stack."""
    stack = STACKS[name]
    return {**PLAIN, **stack.settings(), "BENCH_VIEW": stack.view}


STACKS: dict[str, Stack] = {
    "django": Stack(label="bare Django view", view="stacks.views.django"),
    "drf": Stack(label="bare DRF"),
    "quintet": Stack(label="Quintet, everything on", settings=quintets.everything, view=DECLARED),
    "quintet-middleware": Stack(
        label="… with DRF's own JSON and negotiation", settings=quintets.slow_json, view=DECLARED
    ),
    "quintet-0": Stack(
        label="… with a span, unsampled",
        settings=quintets.everything,
        view=DECLARED,
        environ={**quintets.TRACED, "OTEL_TRACES_SAMPLER": "always_off"},
    ),
    "quintet-1": Stack(
        label="… with a span, sampled",
        settings=quintets.everything,
        view=DECLARED,
        environ={**quintets.TRACED, "OTEL_TRACES_SAMPLER": "always_on"},
    ),
    **{
        f"only-{name}": Stack(label=f"only {name}", settings=only(*middleware), view=DECLARED)
        for name, middleware in quintets.PARTS.items()
    },
    "peers": Stack(label="peer stack", settings=peers.everything),
    "peers-1": Stack(
        label="peer stack with OpenTelemetry, sampled",
        settings=peers.traced,
    ),
    "naive": Stack(label="naive middleware of a tutorial", settings=peers.naive),
}
