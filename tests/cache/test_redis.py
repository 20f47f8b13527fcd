from __future__ import annotations

import asyncio

import pytest
from redis.exceptions import ConnectionError as Gone

from quintet.cache.redis import TracedRedisCache
from quintet.telemetry import traces
from tests.cache.conftest import cached

TRACED = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


@pytest.fixture
def cache(valkey):
    made = cached(valkey.url(), **TRACED)
    made.clear()
    return made


def test_a_call_is_a_part_of_its_request_and_names_no_key(cache, collector):
    with traces.whole("request"):
        cache.set("jane.roe", 7)
        found = cache.get("jane.roe")

    part = collector.named("cache get")
    assert found == 7
    assert (part.parent_id, part.kind) == (collector.named("request").span_id, "client")
    assert part.attributes["db.system.name"] == "redis"
    assert part.attributes["db.operation.name"] == "get"
    assert part.attributes["server.address"] == "127.0.0.1"
    assert b"jane" not in b"".join(collector.bodies)


CALLS = {
    "add": lambda cache: cache.add("a", 1),
    "set": lambda cache: cache.set("a", 1),
    "get": lambda cache: cache.get("a"),
    "touch": lambda cache: cache.touch("a"),
    "incr": lambda cache: cache.incr("a"),
    "has_key": lambda cache: "a" in cache,
    "get_many": lambda cache: cache.get_many(["a", "b"]),
    "set_many": lambda cache: cache.set_many({"b": 2}),
    "delete": lambda cache: cache.delete("a"),
    "delete_many": lambda cache: cache.delete_many(["a", "b"]),
    "clear": lambda cache: cache.clear(),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_call_is_traced_and_does_what_it_did(cache, valkey, collector, name):
    plain = cached(valkey.url())
    cache.set("a", 1)
    with traces.whole("request"):
        traced = CALLS[name](cache)
    plain.clear()
    plain.set("a", 1)

    assert traced == CALLS[name](plain)
    assert {span.name for span in collector.spans(2)} == {"request", f"cache {name}"}


def test_a_call_that_is_awaited_is_traced_as_well(cache, collector):
    async def look():
        with traces.whole("request"):
            return await cache.aget("nothing")

    assert asyncio.run(look()) is None
    assert collector.named("cache get").parent_id == collector.named("request").span_id


def test_a_cache_that_is_away_has_failed(collector):
    with pytest.raises(Gone), traces.whole("request"):
        cached("redis://127.0.0.1:9", **TRACED).get("a")

    part = collector.named("cache get")
    assert (part.failed, part.attributes["error.type"]) == (True, "ConnectionError")


def test_a_call_of_a_request_that_is_not_recorded_is_not_either(cache, collector):
    assert cache.get("a") is None

    assert collector.nothing()


def test_only_a_service_that_traces_has_another_backend():
    assert isinstance(cached("valkey://127.0.0.1:9", **TRACED), TracedRedisCache)
    assert not isinstance(cached("valkey://127.0.0.1:9"), TracedRedisCache)
