from __future__ import annotations

import uuid

import pytest
import redis

from quintet.embedded.valkey import Valkey
from quintet.events.brokers import BrokerUnavailable, Message, broker_for
from quintet.events.brokers import streams as module
from quintet.events.brokers.streams import StreamsBroker

STREAM = "quintet:events:orders:0"


@pytest.fixture
def url(empty_valkey):
    return empty_valkey("events")


@pytest.fixture
def client(url):
    with redis.Redis.from_url(url) as made:
        yield made


@pytest.fixture
def server(tmp_path):
    """A server that a test may hurt."""
    made = Valkey(tmp_path / "valkey")
    made.start()
    yield made
    made.stop()


def messages(number):
    return [Message(uuid.uuid4(), "orders", 0, "k", str(at)) for at in range(number)]


def publish_until_it_fails(broker, batch):
    for _ in range(10):
        broker.publish(batch)


def test_a_batch_is_there_as_a_whole_or_not_at_all(server):
    """The naive version sends a pipeline, of which the server may take any part."""
    broker = StreamsBroker(server.url())
    with redis.Redis.from_url(server.url()) as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 1_000_000)
        client.config_set("maxmemory-policy", "noeviction")
        large = [one._replace(body="x" * 50_000) for one in messages(100)]

        with pytest.raises(BrokerUnavailable):
            publish_until_it_fails(broker, large)

        assert client.xlen(STREAM) % 100 == 0


def test_a_server_that_is_gone_is_unavailable(server):
    broker = StreamsBroker(server.url())
    subscription = broker.subscribe(["orders"], [0], group="products")
    server.stop()

    with pytest.raises(BrokerUnavailable):
        broker.publish(messages(1))
    with pytest.raises(BrokerUnavailable):
        subscription.fetch(1, 0.1)
    with pytest.raises(BrokerUnavailable):
        broker.subscribe(["orders"], [0], group="products")


def test_what_was_confirmed_survives_the_death_of_the_server(server):
    StreamsBroker(server.url()).publish(messages(100))
    server.process.kill()
    server.process.wait()
    server.start()

    subscription = StreamsBroker(server.url()).subscribe(["orders"], [0], group="products")

    assert len(subscription.fetch(200, 5)) == 100


def test_a_server_that_answers_an_error_is_unavailable(url, client):
    client.set(STREAM, "no stream")

    with pytest.raises(BrokerUnavailable, match="ResponseError"):
        StreamsBroker(url).subscribe(["orders"], [0], group="products")


def test_what_all_groups_have_acknowledged_is_deleted(url, client, monkeypatch):
    monkeypatch.setattr(module, "TRIM_SECONDS", 0)
    broker = StreamsBroker(url)
    groups = [broker.subscribe(["orders"], [0], group=name) for name in ("products", "payments")]
    broker.publish(messages(1_000))
    for group in groups:
        group.acknowledge(group.fetch(1_000, 5))

    broker.publish(messages(1))

    assert client.xlen(STREAM) < 200  # whole nodes of a stream are deleted, of 100 entries each


def test_what_one_group_has_not_acknowledged_is_kept(url, client, monkeypatch):
    monkeypatch.setattr(module, "TRIM_SECONDS", 0)
    broker = StreamsBroker(url)
    quick, slow, absent = (
        broker.subscribe(["orders"], [0], group=name) for name in ("quick", "slow", "absent")
    )
    broker.publish(messages(1_000))
    for group in (quick, absent):
        group.acknowledge(group.fetch(1_000, 5))
    slow.fetch(1_000, 5)

    broker.publish(messages(1))

    assert client.xlen(STREAM) == 1_001


def test_what_nobody_has_ever_read_is_kept_up_to_a_length(url, client, monkeypatch):
    monkeypatch.setattr(module, "TRIM_SECONDS", 0)
    monkeypatch.setattr(module, "MOST_UNREAD", 300)
    broker = StreamsBroker(url)
    for _ in range(3):
        broker.publish(messages(500))

    assert 300 <= client.xlen(STREAM) < 500


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_a_url_of_redis_names_this_broker(url, scheme):
    assert isinstance(broker_for(url.replace("redis", scheme, 1)), StreamsBroker)


def test_a_url_of_nothing_known_is_refused():
    with pytest.raises(ValueError, match=r"begins with 'mqtt'.*redis"):
        broker_for("mqtt://127.0.0.1")
