from __future__ import annotations

import threading

import pytest
from django.db.utils import ConnectionHandler
from prometheus_client import REGISTRY
from psycopg_pool import PoolTimeout

from quintet.database import meter as module
from quintet.database.meter import EVERY_SECONDS, PoolMeter
from quintet.settings import derive
from tests.database.settings import environment


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


class Waiting:
    """A pool that says of itself what a test wants it to."""

    def __init__(self, **stats):
        self.asked = 0
        self.stats = {"pool_size": 1, "pool_available": 0, **stats}

    def get_stats(self):
        self.asked += 1
        return dict(self.stats)


def value(name, database="metered"):
    return REGISTRY.get_sample_value(name, {"database": database})


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def meter(clock):
    return PoolMeter(clock)


@pytest.fixture
def pool(monkeypatch):
    """One pool that can be made to say anything."""
    found = Waiting(requests_waiting=0)
    monkeypatch.setattr(module, "_pools", lambda: [("stock", found)])
    return found


@pytest.fixture
def metered(postgres, monkeypatch):
    """Django's connections to a real server, with a real pool for one."""
    databases = derive.databases(environment(DATABASE_URL=postgres.url()))
    databases["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 1, "timeout": 0.05}
    # A name of its own: Django keeps pools by name, whoever has made them.
    made = ConnectionHandler({"default": {}, "metered": databases["default"]})
    monkeypatch.setattr(module, "connections", made)
    yield made["metered"]
    made["metered"].close()
    made["metered"].close_pool()


def test_no_pool_is_made_to_be_looked_at(metered, meter):
    meter.look()

    assert "metered" not in metered._connection_pools


def test_what_a_pool_says_of_itself_is_written_down(metered, meter, clock):
    metered.ensure_connection()
    timeouts = value("db_pool_timeouts_total") or 0
    with pytest.raises(PoolTimeout):
        metered.pool.getconn()
    meter.look()
    busy = value("db_pool_size"), value("db_pool_available")

    metered.close()
    clock.now += EVERY_SECONDS
    meter.look()

    assert busy == (1, 0)
    assert (value("db_pool_size"), value("db_pool_available")) == (1, 1)
    assert value("db_pool_waiting") == 0
    assert value("db_pool_timeouts_total") == timeouts + 1


def test_a_database_without_a_pool_has_nothing_to_say(monkeypatch, meter):
    sqlite = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
    monkeypatch.setattr(module, "connections", ConnectionHandler(sqlite))

    assert list(module._pools()) == []
    meter.look()


def test_a_pool_is_asked_once_a_second(meter, clock, pool):
    for _ in range(10):
        meter.look()
    asked = pool.asked
    clock.now += EVERY_SECONDS
    meter.look()

    assert (asked, pool.asked) == (1, 2)


def test_while_somebody_waits_it_is_asked_every_time_so_that_the_end_is_seen(meter, pool):
    pool.stats["requests_waiting"] = 3
    meter.look()
    during = value("db_pool_waiting", "stock")
    pool.stats["requests_waiting"] = 0
    meter.look()

    assert (during, value("db_pool_waiting", "stock")) == (3, 0)


def test_what_a_pool_counts_since_it_began_is_added_once(meter, clock, pool):
    before = value("db_pool_wait_seconds_total", "stock") or 0
    for waited in (500, 1_500):
        pool.stats["requests_wait_ms"] = waited
        clock.now += EVERY_SECONDS
        meter.look()

    assert value("db_pool_wait_seconds_total", "stock") == before + 1.5


def test_another_pool_begins_at_nothing(meter, clock, monkeypatch):
    before = value("db_pool_wait_seconds_total", "stock") or 0
    for waited in (1_000, 1_000):
        pool = Waiting(requests_wait_ms=waited)
        monkeypatch.setattr(module, "_pools", lambda pool=pool: [("stock", pool)])
        clock.now += EVERY_SECONDS
        meter.look()

    assert value("db_pool_wait_seconds_total", "stock") == before + 2


def test_statistics_that_somebody_has_reset_take_nothing_back(meter, clock, pool):
    pool.stats["requests_wait_ms"] = 1_000
    meter.look()
    before = value("db_pool_wait_seconds_total", "stock")
    pool.stats["requests_wait_ms"] = 0
    clock.now += EVERY_SECONDS

    meter.look()

    assert value("db_pool_wait_seconds_total", "stock") == before


def test_of_threads_that_ask_at_once_one_looks(meter, monkeypatch):
    inside, leave = threading.Event(), threading.Event()
    looked = []

    def pools():
        looked.append(1)
        inside.set()
        leave.wait(60)
        return []

    monkeypatch.setattr(module, "_pools", pools)
    first = threading.Thread(target=meter.look)
    first.start()
    inside.wait(60)

    meter.look()
    leave.set()
    first.join()

    assert looked == [1]
