"""The nouns that tests of services use. Every import waits until Django has its settings."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quintet.tasks.calls import Call
    from quintet.testing.api import Api
    from quintet.testing.downstream import Downstream

CONTEXT = "quintet_context"
REPEATED = "repeated statement"  # as quintet.middleware.queries says it, which needs Django


@pytest.fixture
def api() -> Api:
    """A client that asks as nobody; ``api.as_user(7)`` asks as somebody."""
    from quintet.testing.api import Api

    return Api()


@pytest.fixture
def downstream() -> Iterator[Downstream]:
    """The other services: they answer what the test says, and nothing else."""
    from quintet.clients import use_transport
    from quintet.testing.downstream import Downstream

    played = Downstream()
    with use_transport(played):
        yield played


@pytest.fixture
def enqueued() -> Iterator[list[Call]]:
    """The tasks that were enqueued and committed: none of them runs."""
    from django.test import override_settings

    from quintet.testing.tasks import RECORDED

    RECORDED.clear()
    backend = "quintet.testing.tasks.RecordingBackend"
    with override_settings(TASKS={"default": {"BACKEND": backend}}):
        yield RECORDED


@pytest.fixture
def captured_logs() -> Iterator[list[dict[str, Any]]]:
    """What was logged, each line decoded from the JSON that production would write."""
    from quintet import conf
    from quintet.telemetry.logs import JSONFormatter

    env = conf.current()
    lines = Lines()
    lines.setFormatter(
        JSONFormatter(
            service=env.SERVICE_NAME,
            version=env.SERVICE_VERSION,
            environment=env.SERVICE_ENVIRONMENT,
        )
    )
    root = logging.getLogger()
    root.addHandler(lines)
    yield lines.decoded
    root.removeHandler(lines)


@pytest.fixture(autouse=True)
def no_repeats(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail where a request asked one statement again and again, if the project wants that."""
    wanted = request.config.getini("quintet_fail_on_repeats")
    if not wanted or request.node.get_closest_marker("repeats"):
        yield
        return
    logged: list[dict[str, Any]] = request.getfixturevalue("captured_logs")
    yield
    repeated = [line for line in logged if line["message"] == REPEATED]
    if repeated:
        pytest.fail("\n".join(_told(line) for line in repeated), pytrace=False)


def _told(line: dict[str, Any]) -> str:
    place = line["place"] or "a library"
    return f"{line['route']} asked {line['times']} times, from {place}: {line['sql']}"


class Lines(logging.Handler):
    """Keeps every record as the dictionary that its line decodes to."""

    def __init__(self) -> None:
        super().__init__()
        self.decoded: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record."""
        self.decoded.append(json.loads(self.format(record)))


@pytest.fixture(autouse=True)
def clean_state() -> Iterator[None]:
    """Let no test inherit what another one left behind: context, trust, counts, settings."""
    if "quintet.lifecycle.monitor" in sys.modules:
        sys.modules["quintet.lifecycle.monitor"].current.hold()
    tokens = sys.modules.get("quintet.auth.tokens")
    trusted = tokens.key_source() if tokens else None
    yield
    for variable in copy_context():
        if variable.name == CONTEXT:
            variable.set(None)
    if tokens and trusted and tokens.key_source() is not trusted:
        tokens.trust(trusted)
    if "quintet.views.throttling.counting" in sys.modules:
        sys.modules["quintet.views.throttling.counting"].forget()
    if "quintet.conf" in sys.modules:
        sys.modules["quintet.conf"].current.cache_clear()
