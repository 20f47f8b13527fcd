from __future__ import annotations

import os
import socket

import pytest

from quintet.embedded.postgres import Postgres
from quintet.embedded.server import Unavailable
from quintet.embedded.valkey import Valkey
from quintet.fleet.description import System
from quintet.fleet.infrastructure import Infrastructure, gateway_port
from quintet.fleet.places import Places
from quintet.fleet.wiring import Wiring

SYSTEM = System.model_validate(
    {
        "resources": {"db": {"kind": "postgres"}, "cache": {"kind": "redis"}},
        "services": {"alpha": {"path": "alpha", "uses": ["db", "cache"]}},
    }
)


@pytest.fixture
def said():
    return []


@pytest.fixture
def infrastructure(tmp_path, roster, said):
    def _infrastructure(**caller):
        places = Places(root=tmp_path, state=tmp_path / "a state")
        places.make()
        wiring = Wiring(places=places, system=SYSTEM, ports={"alpha": 1}, caller=caller)
        return Infrastructure(wiring, roster=roster, say=said.append)

    return _infrastructure


@pytest.fixture
def _unavailable(monkeypatch):
    def refuse(self):
        raise Unavailable("It is not allowed here.", remedy="Allow it.")

    monkeypatch.setattr(Postgres, "prepare", refuse)
    monkeypatch.setattr(Valkey, "prepare", refuse)


@pytest.mark.usefixtures("_unavailable")
def test_without_postgres_each_service_gets_sqlite_and_it_is_said(run, infrastructure, said):
    wiring = run(infrastructure().start(lambda unit: None))

    assert wiring.databases["alpha"].url.endswith("/a%20state/sqlite/alpha.db")
    assert wiring.databases["alpha"].source == "SQLite fall-back"
    assert "PostgreSQL is not available" in said[0]
    assert "It is not allowed here." in said[0]


@pytest.mark.usefixtures("_unavailable")
def test_a_cluster_with_data_is_never_replaced_by_an_empty_sqlite(run, infrastructure, tmp_path):
    (tmp_path / "a state" / "postgres" / "data").mkdir(parents=True)

    with pytest.raises(Unavailable, match="not allowed here"):
        run(infrastructure().start(lambda unit: None))


@pytest.mark.usefixtures("_unavailable")
def test_without_valkey_there_is_no_shared_cache_and_it_is_said(run, infrastructure, said):
    wiring = run(infrastructure().start(lambda unit: None))

    assert wiring.cache.url == ""
    assert "Valkey is not available" in said[1]


def test_named_urls_start_nothing(run, infrastructure):
    named = {
        "ALPHA_DATABASE_URL": "postgres://mine",
        "CACHE_URL": "redis://mine",
        "BROKER_URL": "redis://mine/1",
    }
    servers = infrastructure(**named)

    wiring = run(servers.start(lambda unit: None))

    assert servers.units == []
    assert wiring.origins() == {
        "alpha database": "ALPHA_DATABASE_URL",
        "cache": "CACHE_URL",
        "broker": "BROKER_URL",
    }


def test_a_free_port_is_taken_as_it_is(said):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    assert gateway_port(port, said.append) == port
    assert said == []


def test_a_taken_port_is_replaced_and_its_owner_said(said):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert gateway_port(port, said.append) > port
    assert f"pid {os.getpid()}" in said[0]
