from __future__ import annotations

import gc
import weakref

import pytest
import redis
from django.core.cache import caches
from django.test import override_settings

from quintet.embedded.valkey import Valkey
from quintet.lifecycle import pressure

LOCAL = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}


@pytest.fixture
def valkey(tmp_path):
    server = Valkey(tmp_path / "valkey", durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def registered(monkeypatch):
    """Nobody has registered anything."""
    monkeypatch.setattr(pressure, "_relieving", made := [])
    return made


def commands(client) -> dict[str, int]:
    """How often each command was called, but for those that ask for this."""
    stats = client.info("commandstats")
    return {
        name: row["calls"]
        for name, row in stats.items()
        if name not in ("cmdstat_info", "cmdstat_hello", "cmdstat_client|setinfo")
    }


def test_the_caches_of_this_process_are_emptied_and_nothing_shared_is_touched(valkey):
    shared = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": valkey.url(),
        "KEY_PREFIX": "shop",
    }
    named = {
        "default": shared,
        "local": {**LOCAL, "LOCATION": "one"},
        "other": {**LOCAL, "LOCATION": "two"},
        "none": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
    }
    with override_settings(CACHES=named), redis.Redis.from_url(valkey.url()) as client:
        client.rpush("queue of the broker", "task")
        for alias in named:
            caches[alias].set("lamp", 7)
        keys, asked = sorted(client.keys()), commands(client)

        pressure.relieve()

        assert commands(client) == asked
        assert sorted(client.keys()) == keys
        assert (len(keys), caches["default"].get("lamp")) == (2, 7)
        assert caches["local"].get("lamp") is caches["other"].get("lamp") is None
        caches["default"].close()


def test_whoever_keeps_something_is_asked_to_give_it_up_once(registered):
    kept = [1, 2]

    pressure.on_memory_pressure(kept.clear)
    assert pressure.on_memory_pressure(kept.clear) == kept.clear
    pressure.relieve()

    assert kept == []
    assert len(registered) == 1


def test_one_who_fails_does_not_hold_up_the_others(registered, captured_logs):
    kept = [1, 2]

    @pressure.on_memory_pressure
    def fail():
        raise RuntimeError("no")

    pressure.on_memory_pressure(kept.clear)
    pressure.relieve()

    assert kept == []
    assert "RuntimeError: no" in captured_logs[0]["exception"]


def test_what_nobody_refers_to_is_collected(registered):
    class Knot:
        pass

    knot = Knot()
    knot.itself = knot
    seen = weakref.ref(knot)
    gc.disable()
    try:
        del knot
        assert seen() is not None

        pressure.relieve()

        assert seen() is None
    finally:
        gc.enable()
