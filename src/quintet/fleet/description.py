"""``quintet.yaml`` as typed values: the one description of the system, judged on loading."""

from __future__ import annotations

import difflib
import re
import shlex
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from quintet.cli import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

RESERVED = (
    *("/docs", "/internal", "/metrics", "/health", "/livez", "/readyz"),
    *("/loggers", "/profile"),
)
"""Prefixes that no service may claim at the gateway."""

TAKEN = frozenset({"gateway", "postgres", "quintet", "swagger", "valkey"})
"""Names that no service may have: of units, roles, log files and pages that are there anyway."""

WORKER, TASKS, RELAY, CONSUMER = "-worker", "-tasks", "-relay", "-consumer"
"""What these add to the name of their service; no name of a service has a hyphen."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_EVENT = re.compile(r"(?P<topic>[a-z][a-z0-9_]*)(\.[a-z][a-z0-9_]*){1,3}")
_ROUTE = re.compile(r"(/[A-Za-z0-9._~-]+)+")

Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=1, le=64)]


class Part(BaseModel):
    """A piece of the description: frozen, and strict about the keys that it knows."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Gateway(Part):
    """Where the one public address of the system is."""

    port: Port = 8000
    example: str = "/docs/"
    """An address that answers anybody, for the ``curl`` line of the banner."""


class Resource(Part):
    """A server that services use: embedded unless an environment variable names another."""

    kind: Literal["postgres", "redis"]


class Scale(Part):
    """How often a service runs, its processes, and how many requests each works on at once."""

    replicas: Annotated[int, Field(ge=1, le=8)] = 1
    workers: Count = 1
    in_flight: Count = 8


class Service(Part):
    """One service: where it is, what it answers, what it needs and whom it calls."""

    path: str
    routes: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    publishes: tuple[str, ...] = ()
    """The events that it publishes, each by its name: a relay runs beside it."""
    subscribes: tuple[str, ...] = ()
    """The events that it handles: a consumer runs beside it."""
    tasks: bool = False
    """Whether it has tasks: a worker for them runs beside it."""
    depends_on: tuple[str, ...] = ()
    worker: str = ""
    """A management command that runs beside the service for as long as it does."""
    scale: Scale = Scale()

    @field_validator("routes")
    @classmethod
    def _routes_are_prefixes(cls, routes: tuple[str, ...]) -> tuple[str, ...]:
        for route in routes:
            if not _ROUTE.fullmatch(route) or "/.." in route or "/./" in route:
                raise ValueError(f"{route!r} is not a path prefix such as /api/v1/orders")
            if any(_covers(reserved, route) for reserved in RESERVED):
                raise ValueError(f"{route!r} is reserved for the gateway or kept inside")
        return routes

    @field_validator("worker")
    @classmethod
    def _worker_is_words(cls, worker: str) -> str:
        try:
            shlex.split(worker)
        except ValueError as error:
            raise ValueError(f"{worker!r} is not a command: {error}") from error
        return worker


class System(Part):
    """The whole system, known to be consistent: every name that is used is declared."""

    system: str = "quintet"
    gateway: Gateway = Gateway()
    resources: dict[str, Resource] = {}
    services: dict[str, Service] = Field(min_length=1)

    @model_validator(mode="after")
    def _hangs_together(self) -> System:
        problems = [
            *self._bad_names(),
            *self._unknown_names(),
            *self._shared_routes(),
            *self._unknown_events(),
            *self._tasks_without_a_queue(),
        ]
        if problems:
            raise ValueError("; ".join(problems))
        self.start_order()
        return self

    def start_order(self) -> tuple[str, ...]:
        """Return the names of the services, each after those it depends on."""
        graph = {name: service.depends_on for name, service in self.services.items()}
        try:
            return tuple(TopologicalSorter(graph).static_order())
        except CycleError as error:
            raise ValueError(f"depends_on goes in a circle: {' → '.join(error.args[1])}") from None

    def replicas_of(self, name: str) -> tuple[str, ...]:
        """Return the names under which a service runs: ``orders``, ``orders-2`` and so on."""
        replicas = self.services[name].scale.replicas
        return (name, *(f"{name}-{number}" for number in range(2, replicas + 1)))

    def processes(self) -> tuple[str, ...]:
        """Return the names of all replicas, each service followed by what runs beside it."""
        return tuple(
            process
            for name in self.services
            for process in (*self.replicas_of(name), *self.workers_of(name))
        )

    def workers_of(self, name: str) -> dict[str, tuple[str, ...]]:
        """Return what runs beside a service: names, and the words of management commands."""
        service = self.services[name]
        words = {
            WORKER: tuple(shlex.split(service.worker)),
            TASKS: ("quintet_tasks",) if service.tasks else (),
            RELAY: ("quintet_relay",) if service.publishes else (),
            CONSUMER: ("quintet_consume",) if service.subscribes else (),
        }
        return {f"{name}{suffix}": command for suffix, command in words.items() if command}

    def callers_of(self, name: str) -> tuple[str, ...]:
        """Return the services that call the named one."""
        return tuple(other for other, service in self.services.items() if name in service.calls)

    def kinds_used_by(self, name: str) -> frozenset[str]:
        """Return the names of the resources that the named service uses."""
        return frozenset(self.services[name].uses)

    def _bad_names(self) -> Iterator[str]:
        for name in self.services:
            if name in TAKEN or name.startswith(("pg_", "template")):
                yield f"the service name {name!r} is taken by a server, a role or a page of ours"
            if not _NAME.fullmatch(name):
                yield f"the service name {name!r} is not lower-case letters, digits and _"

    def _unknown_names(self) -> Iterator[str]:
        for name, service in self.services.items():
            for field, known in (
                ("uses", self.resources),
                ("calls", self.services),
                ("depends_on", self.services),
            ):
                for used in getattr(service, field):
                    if used not in known or used == name:
                        yield f"services.{name}.{field}: {used!r} is {_hint(used, known, name)}"

    def _unknown_events(self) -> Iterator[str]:
        """An event belongs to the service that it is named after, and somebody publishes it."""
        published = {event for service in self.services.values() for event in service.publishes}
        for name, service in self.services.items():
            for event in service.publishes:
                named = _EVENT.fullmatch(event)
                if not named or named["topic"] != name:
                    yield f"services.{name}.publishes: {event!r} is not named {name}.thing.happened"
            for event in service.subscribes:
                if event not in published:
                    hint = _suggestion(event, published)
                    yield f"services.{name}.subscribes: {event!r} is published by nobody{hint}"
            if (service.publishes or service.subscribes) and not self._has_broker(service):
                yield f"services.{name} has events and uses no broker and db: add them to uses"

    def _has_broker(self, service: Service) -> bool:
        return {"broker", "db"} <= set(service.uses)

    def _tasks_without_a_queue(self) -> Iterator[str]:
        for name, service in self.services.items():
            if service.tasks and "broker" not in service.uses:
                yield f"services.{name} has tasks and uses no broker: add it to uses"

    def _shared_routes(self) -> Iterator[str]:
        owners: dict[str, str] = {}
        for name, service in self.services.items():
            for route in service.routes:
                if owners.setdefault(route, name) != name:
                    yield f"the route {route} is claimed by {owners[route]} and by {name}"


def service_of(process: str) -> str:
    """Return the name of the service that a process belongs to."""
    return process.partition("-")[0]


def load(path: Path) -> System:
    """Read and judge the description.

    Raises:
        CommandError: The file is missing, is no YAML, or says something that cannot hold.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        return System.model_validate(data)
    except OSError as error:
        raise CommandError(f"{path} cannot be read", why=str(error)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} is not YAML", why=" ".join(str(error).split())) from error
    except ValidationError as error:
        raise CommandError(
            f"{path.name} describes no system that can run",
            why="; ".join(_sentence(problem) for problem in error.errors()),
            remedy=f"edit {path} and run the command again",
        ) from error


def _covers(prefix: str, route: str) -> bool:
    return route == prefix or route.startswith(f"{prefix}/")


def _hint(used: str, known: Iterable[str], own: str) -> str:
    if used == own:
        return "the service itself"
    return f"not declared{_suggestion(used, known)}"


def _suggestion(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _sentence(problem: object) -> str:
    if not isinstance(problem, dict):
        return str(problem)
    where = ".".join(str(step) for step in problem["loc"]) or "the file"
    if problem["type"] == "extra_forbidden":
        key = str(problem["loc"][-1])
        return f"{where} is not a known key{_suggestion(key, _keys_at(problem['loc'][:-1]))}"
    return f"{where}: {problem['msg'].removeprefix('Value error, ')}"


def _keys_at(location: tuple[str | int, ...]) -> Iterable[str]:
    if not location:
        return System.model_fields
    parts: dict[str, type[Part]] = {
        "gateway": Gateway,
        "resources": Resource,
        "services": Service,
    }
    part = parts.get(str(location[0]))
    if location[-1] == "scale":
        part = Scale
    return part.model_fields if part else ()
