"""What every broker has to do; each of these is asked of all of them."""

from __future__ import annotations

import threading
import uuid

import pytest

from quintet.events.brokers import Message

SOON = 0.05
LATER = 5.0


def message(body, *, topic="orders", partition=0, key="k"):
    return Message(uuid.uuid4(), topic, partition, key, body)


def publish(broker, *bodies, **place):
    broker.publish([message(body, **place) for body in bodies])


def bodies(deliveries):
    return [one.body for one in deliveries]


def test_a_message_arrives_as_it_was_sent(broker):
    subscription = broker.subscribe(["orders"], [0, 1], group="products")
    publish(broker, 'Grüße "\\u2028"', partition=1)

    (delivery,) = subscription.fetch(10, LATER)

    assert (delivery.topic, delivery.partition) == ("orders", 1)
    assert delivery.body == 'Grüße "\\u2028"'
    assert not delivery.redelivered


def test_messages_of_a_partition_arrive_in_their_order(broker):
    subscription = broker.subscribe(["orders"], [0], group="products")
    sent = [str(number) for number in range(250)]
    publish(broker, *sent[:100])
    publish(broker, *sent[100:])

    received = []
    while len(received) < len(sent):
        fetched = subscription.fetch(60, LATER)
        subscription.acknowledge(fetched)
        received += bodies(fetched)

    assert received == sent


def test_who_is_new_begins_with_the_oldest_message(broker):
    publish(broker, "before")

    subscription = broker.subscribe(["orders"], [0], group="products")

    assert bodies(subscription.fetch(10, LATER)) == ["before"]


def test_each_group_gets_every_message(broker):
    first = broker.subscribe(["orders"], [0], group="products")
    second = broker.subscribe(["orders"], [0], group="payments")
    publish(broker, "placed")

    assert bodies(first.fetch(10, LATER)) == bodies(second.fetch(10, LATER)) == ["placed"]


def test_only_the_partitions_that_were_asked_for_arrive(broker):
    subscription = broker.subscribe(["orders"], [1], group="products")
    publish(broker, "zero", partition=0)
    publish(broker, "one", partition=1)

    assert bodies(subscription.fetch(10, LATER)) == ["one"]


def test_only_the_topics_that_were_asked_for_arrive(broker):
    subscription = broker.subscribe(["orders", "users"], [0], group="products")
    for topic in ("payments", "orders", "users"):
        publish(broker, topic, topic=topic)

    received = []
    while len(received) < 2:
        received += bodies(subscription.fetch(10, LATER))

    assert sorted(received) == ["orders", "users"]


def test_nothing_is_delivered_twice_to_who_acknowledges(connect):
    publish(connect(), "placed")
    subscription = connect().subscribe(["orders"], [0], group="products")
    subscription.acknowledge(subscription.fetch(10, LATER))

    assert subscription.fetch(10, SOON) == []
    assert connect().subscribe(["orders"], [0], group="products").fetch(10, SOON) == []


def test_the_next_member_gets_first_what_was_not_acknowledged(connect):
    publish(connect(), "first", "second", "third")
    dead = connect().subscribe(["orders"], [0], group="products")
    fetched = dead.fetch(2, LATER)
    dead.acknowledge(fetched[:1])

    heir = connect().subscribe(["orders"], [0], group="products")
    deliveries = heir.fetch(10, LATER)
    if len(deliveries) < 2:
        deliveries += heir.fetch(10, LATER)

    assert [(one.body, one.redelivered) for one in deliveries] == [
        ("second", True),
        ("third", False),
    ]


def test_what_was_left_is_read_in_pieces(connect):
    sent = [str(number) for number in range(25)]
    publish(connect(), *sent)
    connect().subscribe(["orders"], [0], group="products").fetch(25, LATER)

    heir, received = connect().subscribe(["orders"], [0], group="products"), []
    while len(received) < 25:
        received += heir.fetch(10, LATER)

    assert bodies(received) == sent
    assert all(one.redelivered for one in received)


def test_a_message_may_be_acknowledged_by_who_has_lost_it(connect):
    publish(connect(), "placed")
    frozen = connect().subscribe(["orders"], [0], group="products")
    fetched = frozen.fetch(10, LATER)
    heir = connect().subscribe(["orders"], [0], group="products")
    heir.acknowledge(heir.fetch(10, LATER))

    frozen.acknowledge(fetched)

    assert heir.fetch(10, SOON) == []


def test_a_reader_is_woken_by_a_message(connect):
    subscription = connect().subscribe(["orders"], [0], group="products")
    writer = threading.Timer(SOON, lambda: publish(connect(), "placed"))
    writer.start()

    received = subscription.fetch(10, LATER)
    writer.join()

    assert bodies(received) == ["placed"]


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_is_fetched_of_a_partition_than_was_asked_for(broker, limit):
    subscription = broker.subscribe(["orders"], [0], group="products")
    publish(broker, *"abcde")

    assert bodies(subscription.fetch(limit, LATER)) == list("abcde")[:limit]
