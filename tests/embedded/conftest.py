from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from quintet.embedded.caddy import Caddy
from quintet.embedded.postgres import Postgres
from quintet.embedded.valkey import Valkey
from tests.embedded.configurations import answering

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from quintet.embedded.server import Server


@pytest.fixture
def home(tmp_path) -> Path:
    """A place that only its owner may enter, with a space in its name."""
    folder = tmp_path / "my home"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def stopped() -> Iterator[list[Server]]:
    """Servers that end with the test, whatever it does."""
    servers: list[Server] = []
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture
def postgres(home, stopped) -> Postgres:
    server = Postgres(home / "postgres", durable=False)
    stopped.append(server)
    return server


@pytest.fixture
def valkey(home, stopped) -> Valkey:
    server = Valkey(home / "valkey")
    stopped.append(server)
    return server


@pytest.fixture
def caddy(home, stopped) -> Caddy:
    server = Caddy(home / "caddy", answering("hello"))
    stopped.append(server)
    return server
