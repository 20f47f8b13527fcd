"""Shows what is done about each service that this one calls, in the order in which it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.management.base import BaseCommand
from django.urls import get_resolver

from quintet import conf
from quintet.clients import Policy, ServiceClient

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from quintet.settings import ServiceSettings

ORDER = "deadline → retry budget → retry → breaker → bulkhead → attempt timeout → call"


class Stage(NamedTuple):
    """One stage of the pipeline: the setting of its number, and who may say otherwise."""

    name: str
    setting: str
    unit: str
    field: str = ""


STAGES = (
    Stage("deadline", "CLIENT_TIMEOUT_SECONDS", "s at most, or what is left", "timeout_seconds"),
    Stage("retry budget", "CLIENT_RETRY_SHARE", "of the calls"),
    Stage("retry", "CLIENT_RETRIES", "times at most, what may be repeated", "retries"),
    Stage("breaker", "CLIENT_OPEN_SECONDS", "s open at first"),
    Stage("bulkhead", "CLIENT_PLACES", "calls at once in a process, as many wait"),
    Stage(
        "attempt timeout", "CLIENT_ATTEMPT_SECONDS", "s, if it may be repeated", "attempt_seconds"
    ),
)


class Command(BaseCommand):
    """``manage.py quintet_clients``: the numbers that hold for each service, and their origins."""

    help = "Show what is done about each service that this one calls, and who said so."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        """Print the order once, and one block for each service."""
        env = conf.current()
        self.stdout.write(ORDER)
        for name in env.services():
            self.stdout.write(f"\n{name} at {', '.join(env.service_urls(name))}")
            for client in [None, *_clients(name)]:
                self.stdout.write(_block(env, client))


def _clients(name: str) -> list[type[ServiceClient]]:
    """The classes that ask for other numbers; they are known once the views are loaded."""
    _ = get_resolver().url_patterns
    return [one for one in _below(ServiceClient) if one.service == name and one.policy != Policy()]


def _below(parent: type[ServiceClient]) -> Iterator[type[ServiceClient]]:
    for child in parent.__subclasses__():
        yield child
        yield from _below(child)


def _block(env: ServiceSettings, client: type[ServiceClient] | None) -> str:
    """One line for each stage; of a client only what differs."""
    return "\n".join(f"  {line}" for line in _lines(env, client))


def _lines(env: ServiceSettings, client: type[ServiceClient] | None) -> Iterable[str]:
    for stage in STAGES:
        own = None if client is None or not stage.field else getattr(client.policy, stage.field)
        if client is None:
            yield _line(stage, getattr(env, stage.setting), env.origins()[stage.setting])
        elif own is not None:
            yield _line(stage, own, _named(client))
    if client is not None and client.policy.hedged:
        yield f"{'hedge':<16} a GET beside one that takes longer than 95 of 100 {_named(client)}"


def _named(client: type[ServiceClient]) -> str:
    return f"{client.__module__}.{client.__qualname__}"


def _line(stage: Stage, value: float, origin: str) -> str:
    return f"{stage.name:<16} {value:>6g} {stage.unit:<42} {stage.setting:<23} {origin}"
