from __future__ import annotations

import signal
import time

import pytest
from redis import ConnectionPool, Redis
from redis.connection import SSLConnection
from redis.exceptions import TimeoutError as TooLate

from quintet.cache.connections import BoundedConnection
from quintet.errors import DeadlineException
from quintet.resilience import deadline
from tests.cache.conftest import cached

HOLDS_SECONDS = 0.2
USUAL_SECONDS = 1.0  # what a call may take at most, as derive.caches has it


@pytest.fixture
def cache(valkey):
    made = cached(valkey.url())
    made.clear()
    return made


@pytest.fixture
def frozen(valkey):
    """Stops the server in the test: its kernel goes on to accept and to acknowledge."""
    yield lambda: valkey.process.send_signal(signal.SIGSTOP)
    valkey.process.send_signal(signal.SIGCONT)


def counted():
    return deadline.EXCEEDED.labels("cache")._value.get()


def spent(seconds, action, *, raised=DeadlineException):
    began = time.monotonic()
    with deadline.within(seconds), pytest.raises(raised):
        action()
    return time.monotonic() - began


def test_a_frozen_server_is_given_up_at_the_deadline(cache, frozen):
    cache.get("a")
    frozen()
    before = counted()

    assert HOLDS_SECONDS <= spent(HOLDS_SECONDS, lambda: cache.get("a")) < USUAL_SECONDS
    assert counted() == before + 1


def test_connecting_to_a_frozen_server_is_given_up_at_the_deadline(valkey, frozen):
    frozen()
    unconnected = cached(valkey.url())

    assert HOLDS_SECONDS <= spent(HOLDS_SECONDS, lambda: unconnected.get("a")) < USUAL_SECONDS


def test_a_server_that_is_too_slow_is_unavailable_while_there_is_time(cache, frozen):
    cache.get("a")
    frozen()

    assert spent(30, lambda: cache.get("a"), raised=TooLate) >= USUAL_SECONDS


def test_the_connection_works_when_the_server_goes_on(cache, valkey, frozen):
    cache.set("a", 7)
    frozen()
    spent(HOLDS_SECONDS, lambda: cache.get("a"))
    valkey.process.send_signal(signal.SIGCONT)

    with deadline.within(30):
        assert cache.get("a") == 7


def test_nothing_is_asked_when_no_time_is_left(cache):
    before = counted()

    spent(0, lambda: cache.set("a", 8))

    assert counted() == before + 1
    assert cache.get("a") is None


def test_an_answer_is_waited_for_as_long_as_usual_afterwards(cache):
    with deadline.within(0.5):
        cache.get("a")
    (connection,) = cache._cache._get_connection_pool(False)._available_connections

    assert isinstance(connection, BoundedConnection)
    assert connection._sock.gettimeout() == USUAL_SECONDS
    assert connection.socket_connect_timeout == USUAL_SECONDS


def test_a_service_without_time_outs_has_that_of_its_request(valkey, frozen):
    pool = ConnectionPool.from_url(valkey.url(), connection_class=BoundedConnection)
    client = Redis(connection_pool=pool)
    client.ping()
    frozen()

    assert HOLDS_SECONDS <= spent(HOLDS_SECONDS, client.ping) < USUAL_SECONDS
    client.close()


def test_one_client_is_made_for_all_calls(cache):
    assert cache._cache.get_client("a") is cache._cache.get_client("b")
    assert cache._cache.get_client("a") is cache._cache.get_client("a", write=True)


def test_an_encrypted_connection_is_bounded_too():
    client = cached("rediss://cache.invalid:6380/0")._cache

    kind = client._get_connection_pool(False).connection_class
    assert issubclass(kind, SSLConnection)
    assert kind.__mro__[1].__name__ == "_Bounded"
