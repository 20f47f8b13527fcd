from __future__ import annotations

from contextlib import ExitStack

import psycopg
import pytest
import redis

from quintet.embedded import binaries
from quintet.testing import servers

PARTS = ("chassis", "users", "products", "orders", "payments", "validation", "journeys")


def test_every_part_of_this_repository_has_a_cache_of_its_own():
    urls = {servers.cache_url("redis://:p@127.0.0.1:1/0", part) for part in PARTS}

    assert len(urls) == len(PARTS)


def test_the_same_part_in_another_clone_has_another_database(tmp_path, monkeypatch):
    here = servers.database_url("postgres://u:p@127.0.0.1:1/postgres", "orders")

    monkeypatch.chdir(tmp_path)

    there = servers.database_url("postgres://u:p@127.0.0.1:1/postgres", "orders")
    assert here != there
    assert here.startswith("postgres://u:p@127.0.0.1:1/orders_")


def test_only_servers_that_were_found_become_variables():
    assert servers.for_settings({}, "orders") == {}
    assert set(servers.for_settings({"valkey": "redis://h/0"}, "orders")) == {"CACHE_URL"}


@pytest.fixture
def no_urls(monkeypatch):
    for kind in servers.KINDS.values():
        monkeypatch.delenv(kind.variable, raising=False)


def test_shared_servers_run_for_the_length_of_the_block(no_urls, tmp_path):
    with servers.shared_servers(tmp_path) as urls:
        psycopg.connect(urls["QUINTET_TEST_POSTGRES_URL"]).close()
        with redis.Redis.from_url(urls["QUINTET_TEST_REDIS_URL"]) as client:
            assert client.ping()

    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(urls["QUINTET_TEST_POSTGRES_URL"])
    assert "postgres" in (tmp_path / "servers.txt").read_text()


def test_a_server_that_was_not_found_is_left_out(no_urls, tmp_path, monkeypatch):
    monkeypatch.setattr(binaries, "find_spec", lambda _: None)
    monkeypatch.setattr(binaries, "DEBIAN_POSTGRES", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    with servers.shared_servers(tmp_path) as urls:
        assert urls == {}


def test_a_url_of_the_environment_needs_no_start(monkeypatch):
    monkeypatch.setenv("QUINTET_TEST_POSTGRES_URL", "postgres://elsewhere/db")

    with ExitStack() as stack:
        found = servers.resolve("postgres", stack)

    assert (found.url, found.source) == ("postgres://elsewhere/db", "environment")
