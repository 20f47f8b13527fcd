"""What every broker on a network has to bear."""

from __future__ import annotations

import subprocess
import sys
import uuid
from contextlib import suppress

import pytest

from quintet.events.brokers import BrokerUnavailable, Message

LATER = 5.0


def messages(number, start=0):
    return [Message(uuid.uuid4(), "orders", 0, "k", str(at)) for at in range(start, start + number)]


def at_last(work, *arguments, **options):
    """Does it again until the broker is there, as relays and consumers do."""
    for _ in range(5):
        with suppress(BrokerUnavailable):
            return work(*arguments, **options)
    raise AssertionError("never done")


def read(subscription, received, number):
    """Reads until there are so many, doubles aside."""
    while len(received) < number:
        some = subscription.fetch(100, LATER)
        received.update(dict.fromkeys(one.body for one in some))
        subscription.acknowledge(some)
    return list(received)


def test_a_broker_that_is_gone_is_unavailable(away):
    broker = away()

    with pytest.raises(BrokerUnavailable):
        broker.publish(messages(1))
    with pytest.raises(BrokerUnavailable):
        broker.subscribe(["orders"], [0], group="products")


def test_a_connection_that_was_cut_is_made_again(cabled):
    connect, cable = cabled
    broker, reader, received = connect(), connect(), {}
    subscription = reader.subscribe(["orders"], [0], group="products")
    broker.publish(messages(1))
    read(subscription, received, 1)

    cable.cut()
    at_last(broker.publish, messages(1, start=1))
    try:
        read(subscription, received, 2)
    except BrokerUnavailable:
        read(at_last(reader.subscribe, ["orders"], [0], group="products"), received, 2)

    assert list(received) == ["0", "1"]


def test_a_broker_that_says_nothing_is_unavailable_in_the_end(cabled):
    connect, cable = cabled
    broker, reader, received = connect(), connect(), {}
    subscription = reader.subscribe(["orders"], [0], group="products")
    broker.publish(messages(1))

    cable.block()
    with pytest.raises(BrokerUnavailable):
        broker.publish(messages(1, start=1))
    with pytest.raises(BrokerUnavailable):
        read(subscription, received, 2)
    cable.unblock()

    at_last(broker.publish, messages(1, start=1))
    read(at_last(reader.subscribe, ["orders"], [0], group="products"), received, 2)
    assert list(received) == ["0", "1"]


def test_what_a_killed_reader_had_is_delivered_again_in_its_order(networked, prefix):
    kind, url, connect = networked
    command = [sys.executable, "-m", "tests.events.brokers.reader", kind, url, prefix, "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout.readline() == "ready\n"
        broker = connect()
        broker.publish(messages(20))
        assert reader.stdout.readline() == "received\n"
        reader.kill()
    broker.publish(messages(5, start=20))

    heir = connect().subscribe(["orders"], [0], group="products")

    assert read(heir, {}, 25) == [str(number) for number in range(25)]
