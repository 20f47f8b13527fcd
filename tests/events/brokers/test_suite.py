"""What every broker has to do; each of these is asked of all of them."""

from __future__ import annotations

import threading
import uuid
from contextlib import suppress

import pytest

from quintet.events.brokers import BrokerUnavailable, Message

SOON = 0.05
LATER = 5.0


def message(body, *, topic="orders", partition=0, key="k"):
    return Message(uuid.uuid4(), topic, partition, key, body)


def publish(broker, *bodies, **place):
    """Publishes what somebody reads already."""
    assert not broker.publish([message(body, **place) for body in bodies])


def fetched(subscription, number):
    """Fetches until there are so many."""
    received = []
    while len(received) < number:
        received += subscription.fetch(number - len(received), LATER)
    return received


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
    """Whether the broker has kept it, or has handed it back to be given again."""
    sent = [message("first"), message("second")]
    kept_by_us = broker.publish(sent)
    assert kept_by_us in ((), sent)

    subscription = broker.subscribe(["orders"], [0], group="products")
    assert not broker.publish(kept_by_us)

    assert bodies(fetched(subscription, 2)) == ["first", "second"]


def test_a_topic_that_nobody_reads_holds_up_no_other_one(broker):
    subscription = broker.subscribe(["orders"], [0], group="products")

    back = broker.publish([message("unread", topic="users"), message("placed")])

    assert bodies(back) in ([], ["unread"])
    assert bodies(subscription.fetch(10, LATER)) == ["placed"]


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
    broker.publish([message(topic, topic=topic) for topic in ("payments", "orders", "users")])

    assert sorted(bodies(fetched(subscription, 2))) == ["orders", "users"]
    assert subscription.fetch(10, SOON) == []


def test_nothing_is_delivered_twice_to_who_acknowledges(connect):
    subscription = connect().subscribe(["orders"], [0], group="products")
    publish(connect(), "placed")
    subscription.acknowledge(subscription.fetch(10, LATER))

    assert subscription.fetch(10, SOON) == []
    subscription.close()
    assert connect().subscribe(["orders"], [0], group="products").fetch(10, SOON) == []


def test_the_next_member_gets_first_what_was_not_acknowledged(connect):
    former = connect().subscribe(["orders"], [0], group="products")
    publish(connect(), "first", "second", "third")
    former.acknowledge(fetched(former, 2)[:1])
    former.close()

    heir = connect().subscribe(["orders"], [0], group="products")
    first, second = fetched(heir, 2)

    assert (first.body, first.redelivered) == ("second", True)
    assert second.body == "third"


def test_what_was_left_is_read_in_pieces(connect):
    former = connect().subscribe(["orders"], [0], group="products")
    sent = [str(number) for number in range(25)]
    publish(connect(), *sent)
    fetched(former, 25)
    former.close()

    heir, received = connect().subscribe(["orders"], [0], group="products"), []
    while len(received) < 25:
        received += heir.fetch(10, LATER)

    assert bodies(received) == sent
    assert all(one.redelivered for one in received)


def test_what_comes_behind_what_was_left_stays_behind_it(connect):
    former = connect().subscribe(["orders"], [0], group="products")
    publish(connect(), "first", "second")
    fetched(former, 2)
    former.close()
    publish(connect(), "third")

    heir = connect().subscribe(["orders"], [0], group="products")

    assert bodies(fetched(heir, 3)) == ["first", "second", "third"]


def test_who_acknowledges_late_harms_nobody(connect):
    frozen = connect().subscribe(["orders"], [0], group="products")
    publish(connect(), "first")
    late = frozen.fetch(10, LATER)
    frozen.close()
    heir = connect().subscribe(["orders"], [0], group="products")
    heir.acknowledge(heir.fetch(10, LATER))
    publish(connect(), "second")

    with suppress(BrokerUnavailable):
        frozen.acknowledge(late)

    assert bodies(heir.fetch(10, LATER)) == ["second"]


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

    assert bodies(fetched(subscription, limit)) == list("abcde")[:limit]


def test_many_messages_of_many_keys_arrive_once_and_in_their_order(connect):
    subscription = connect().subscribe(["orders", "users"], range(8), group="products")
    sent = [
        message(f"{number}", topic=("orders", "users")[number % 2], partition=number // 2 % 8)
        for number in range(3_000)
    ]
    broker = connect()
    for start in range(0, 3_000, 500):
        assert not broker.publish(sent[start : start + 500])

    received = []
    while len(received) < 3_000:
        received += (some := subscription.fetch(100, LATER))
        subscription.acknowledge(some)

    by_place = {}
    for one in received:
        by_place.setdefault((one.topic, one.partition), []).append(int(one.body))
    assert len(by_place) == 16
    assert all(numbers == sorted(numbers) for numbers in by_place.values())
    assert sorted(int(one.body) for one in received) == list(range(3_000))
