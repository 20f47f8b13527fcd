from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import F

from quintet import context
from quintet.errors import UnavailableException
from quintet.events import consumer as module
from quintet.events import outbox, parking
from quintet.events.brokers import Message
from quintet.events.consumer import Consumer, DatabaseAway
from quintet.events.handling import Handlers, handles
from quintet.events.inbox import HANDLED
from quintet.events.leases import Leases
from quintet.events.models import InboxEvent, Lease, ParkedEvent
from quintet.resilience import deadline
from tests.events.happenings import Noticed, Placed, PlacedAgain
from tests.events.test_relay import Turns
from tests.project.models import Book

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.01)


@pytest.fixture
def handlers():
    return Handlers()


@pytest.fixture
def consumer(broker, handlers):
    """Makes a process that consumes; `handlers` have to be there before."""
    return lambda **options: Consumer(broker, Leases("consumer"), handlers, **options)


@pytest.fixture
def shelve(handlers):
    """A handler that puts a book on the shelf for each event, and fails for the orders named."""

    def shelve(event):
        Book.objects.create(owner_id=event.order_id, title=str(event.amount))
        error = shelve.failing.get(event.order_id)
        if error is not None:
            raise error

    shelve.failing = {}
    handles(Placed, among=handlers)(shelve)
    return shelve


@pytest.fixture
def tell(relay, place):
    """Publishes that orders were placed, as far as the broker."""

    def told(*orders):
        for number, order_id in enumerate(orders):
            place(order_id=order_id, amount=number)
        relay.round()

    return told


def shelf():
    return [(book.owner_id, int(book.title)) for book in Book.objects.order_by("pk")]


def by_order():
    found = {}
    for order, amount in shelf():
        found.setdefault(order, []).append(amount)
    return found


def work(consumer, rounds=3):
    for _ in range(rounds):
        consumer.round()


def pauses_are_over():
    """Let time pass: for what is parked, and for the leases of those who are dead."""
    ParkedEvent.objects.exclude(next_attempt_at=None).update(
        next_attempt_at=F("next_attempt_at") - timedelta(hours=1)
    )
    Lease.objects.update(ends_at=F("ends_at") - timedelta(hours=1))


def parked():
    return list(ParkedEvent.objects.order_by("pk"))


def counted(outcome, handler="shelve"):
    return HANDLED.labels(handler, outcome)._value.get()


def test_an_event_is_handled_once(consumer, shelve, tell):
    tell(1, 2)

    work(consumer())

    assert sorted(shelf()) == [(1, 0), (2, 1)]
    assert InboxEvent.objects.count() == 2
    assert "by shelve" in str(InboxEvent.objects.first())


def test_an_event_that_is_delivered_twice_has_one_effect(consumer, shelve, tell, broker):
    """The naive version remembers events in a cache, or after the effect."""
    tell(1)
    ((place, (message,)),) = broker.messages.items()
    broker.messages[place].append(message)

    work(consumer())

    assert shelf() == [(1, 0)]


def test_events_of_a_key_are_handled_in_their_order(consumer, shelve, tell):
    tell(*[1, 2, 3] * 20)

    work(consumer())

    assert all(amounts == sorted(amounts) for amounts in by_order().values())
    assert len(shelf()) == 60


def test_each_handler_handles_every_event(consumer, handlers, shelve, tell):
    noticed = []
    handles(Noticed, among=handlers, name="notice")(noticed.append)
    tell(1)

    work(consumer())

    assert noticed == [Noticed(order_id=1)]
    assert shelf() == [(1, 0)]


def test_an_effect_that_fails_is_undone_and_tried_again(consumer, shelve, tell):
    shelve.failing[1] = ZeroDivisionError("nothing to divide")
    one = consumer()
    tell(1)
    work(one)
    assert shelf() == []
    assert [(it.attempts, it.reason) for it in parked()] == [
        (1, "ZeroDivisionError: nothing to divide")
    ]

    shelve.failing.clear()
    pauses_are_over()
    work(one)

    assert shelf() == [(1, 0)]
    assert parked() == []


def test_what_fails_holds_up_only_the_events_of_its_key(consumer, shelve, tell):
    """The naive version stops at the event, or lets those behind it pass."""
    shelve.failing[1] = ZeroDivisionError()
    one = consumer()
    tell(1, 2, 1, 2)
    work(one)
    tell(1, 2)
    work(one)
    assert by_order() == {2: [1, 3, 1]}

    shelve.failing.clear()
    for _ in range(3):
        pauses_are_over()
        work(one, 1)

    assert by_order() == {2: [1, 3, 1], 1: [0, 2, 0]}


def test_an_unordered_handler_holds_nothing_up(consumer, handlers, tell):
    handled = []

    def fail_once(event):
        handled.append(event.amount)
        if event.amount == 0:
            raise ZeroDivisionError

    handles(Placed, ordered=False, among=handlers)(fail_once)
    tell(1, 1, 1)

    work(consumer(), 1)

    assert sorted(handled) == [0, 1, 2]
    assert len(parked()) == 1


def test_after_its_last_attempt_an_event_is_a_dead_letter(consumer, shelve, tell, captured_logs):
    shelve.failing[1] = ZeroDivisionError("nothing to divide")
    dead, one = counted("dead"), consumer()
    tell(1, 1)

    for _ in range(12):
        work(one, 1)
        pauses_are_over()

    letter, other = parked()
    assert letter.next_attempt_at is None
    assert letter.attempts == 8
    assert "dead after 8 attempts" in str(letter)
    assert other.next_attempt_at is not None
    assert counted("dead") == dead + 1
    told = [line for line in captured_logs if line["message"] == "event is a dead letter"]
    assert told[0]["reason"] == "ZeroDivisionError: nothing to divide"


def test_a_dead_letter_holds_nothing_up(consumer, shelve, tell):
    shelve.failing[1] = ZeroDivisionError()
    one = consumer()
    tell(1)
    for _ in range(10):
        work(one, 1)
        pauses_are_over()
    shelve.failing.clear()

    tell(1)
    work(one)

    assert by_order() == {1: [0]}
    assert len(parked()) == 1


def test_pauses_grow(consumer, shelve, tell):
    shelve.failing[1] = ZeroDivisionError()
    one, pauses = consumer(), []
    tell(1)

    for _ in range(6):
        work(one, 1)
        pauses.append(ParkedEvent.objects.get().next_attempt_at)
        pauses_are_over()

    lengths = [parking._pause(attempts).total_seconds() for attempts in range(1, 9)]
    assert all(2**n / 4 <= length <= 2**n / 2 for n, length in enumerate(lengths, 1))


def test_an_outage_elsewhere_makes_no_dead_letters(consumer, shelve, tell):
    """The naive version gives up on every event that came while a service was down."""
    shelve.failing[1] = UnavailableException("users is not called for now.")
    one = consumer()
    tell(1)

    for _ in range(20):
        work(one, 1)
        pauses_are_over()

    (waiting,) = parked()
    assert (waiting.attempts, waiting.next_attempt_at is None) == (0, False)


def test_a_reason_tells_no_secrets(consumer, shelve, tell):
    shelve.failing[1] = ValueError("no user at postgres://shop:hunter2@db/shop")
    tell(1)

    work(consumer())

    assert "hunter2" not in parked()[0].reason


@pytest.mark.parametrize("body", ["{", "", "null\x00"])
def test_what_nobody_can_read_is_a_dead_letter_at_once(consumer, shelve, broker, body):
    broker.publish([Message(uuid4(), "shop", 0, "k", body)])
    one = consumer()

    work(one)
    work(consumer())

    (letter,) = parked()
    assert (letter.handler, letter.next_attempt_at) == ("unreadable", None)
    assert "no CloudEvent" in letter.reason


def test_a_version_that_no_handler_reads_is_a_dead_letter(
    consumer, handlers, shelve, broker, relay
):
    with transaction.atomic():
        outbox.publish(PlacedAgain(order_id=1, total=3))
    relay.round()

    work(consumer())

    assert [(it.handler, it.reason) for it in parked()] == [
        ("unreadable", "No handler reads this version: shop.order.placed.v2.")
    ]


def test_versions_side_by_side_have_handlers_of_their_own(consumer, handlers, shelve, tell, relay):
    totals = []
    handles(PlacedAgain, among=handlers, name="second")(totals.append)
    tell(1)
    with transaction.atomic():
        outbox.publish(PlacedAgain(order_id=2, total=3))
    relay.round()

    work(consumer())

    assert shelf() == [(1, 0)]
    assert totals == [PlacedAgain(order_id=2, total=3)]


def test_an_event_that_nobody_here_waits_for_is_let_go(consumer, shelve, broker, tell):
    tell(1)
    ((place, (message,)),) = broker.messages.items()
    told = {**json.loads(message.body), "type": "shop.order.paid.v1", "id": str(uuid4())}
    broker.publish([message._replace(body=json.dumps(told), event_id=uuid4())])

    work(consumer())

    assert parked() == []
    assert not broker.pending["project", place]


def test_data_that_a_handler_cannot_read_is_parked(consumer, shelve, broker, tell):
    tell(1)
    ((_, (message,)),) = broker.messages.items()
    told = {**json.loads(message.body), "data": {"order_id": "x"}, "id": str(uuid4())}
    broker.publish([message._replace(body=json.dumps(told))])

    work(consumer())

    assert "cannot be read as Placed" in parked()[0].reason


class Killed(BaseException):
    """As near to kill -9 as a test in one process comes."""


def test_an_event_that_kills_the_process_is_a_dead_letter_after_its_attempts(
    consumer, shelve, tell, broker
):
    """The naive version counts an attempt when it is over, and dies for ever."""
    shelve.failing[1] = Killed()
    tell(1, 2, 3)

    deaths = 0
    for _ in range(30):
        try:
            work(consumer(), 2)
        except Killed:
            deaths += 1
        pauses_are_over()

    (letter,) = parked()
    assert (letter.key, letter.next_attempt_at) == ("1", None)
    assert deaths == 8
    assert by_order() == {2: [1], 3: [2]}


def test_what_was_not_acknowledged_is_handled_by_the_next(consumer, shelve, tell, broker):
    tell(1, 2)
    broker.subscribe(["shop"], range(8), group="project").fetch(10, 0.1)

    work(consumer())

    assert by_order() == {1: [0], 2: [1]}
    assert not any(broker.pending.values())
    assert parked() == []


def test_two_processes_share_the_events(consumer, shelve, tell):
    first, second = consumer(), consumer()
    for _ in range(3):
        work(first, 1)
        work(second, 1)

    tell(*range(40))
    work(first)
    work(second)

    assert sorted(by_order()) == list(range(40))
    assert len(shelf()) == 40


def test_nothing_is_taken_while_the_service_is_not_ready(consumer, shelve, tell, broker):
    tell(1)

    consumer(ready=lambda: False).run(Turns(3))

    assert shelf() == []
    assert not any(broker.read.values())


def test_nothing_is_lost_while_the_database_is_away(consumer, shelve, tell, monkeypatch):
    one = consumer()
    shelve.failing[1] = OperationalError("the connection is closed")
    monkeypatch.setattr(module, "_database_answers", lambda: False)
    tell(1)

    one.run(Turns(1))

    assert (shelf(), parked()) == ([], [])
    shelve.failing.clear()
    monkeypatch.undo()
    consumer().run(Turns(4))
    assert shelf() == [(1, 0)]


def test_an_error_of_the_database_that_is_the_events_own_is_parked(consumer, shelve, tell):
    shelve.failing[1] = OperationalError("deadlock detected")
    tell(1)

    work(consumer())

    assert parked()[0].reason == "OperationalError: deadlock detected"


def test_a_database_that_is_away_is_told_apart(monkeypatch):
    def closed(*_, **__):
        raise OperationalError("away")

    monkeypatch.setattr(connection, "cursor", closed)

    with pytest.raises(DatabaseAway):
        module._reason(OperationalError("away"))


def test_what_travels_with_an_event_is_bound_in_its_handler(consumer, handlers, tell):
    bound = []

    def look(event):
        bound.append((context.current().correlation_id, deadline.remaining()))

    handles(Placed, among=handlers)(look)
    with context.running(context.Context(correlation_id="mine")):
        tell(1)

    work(consumer())

    ((correlation_id, seconds),) = bound
    assert correlation_id == "mine"
    assert 0 < seconds <= 30


def test_handlers_work_at_once_as_far_as_they_may(consumer, handlers, tell):
    inside, most, lock = [], [], threading.Lock()

    def wait(event):
        with lock:
            inside.append(event)
            most.append(len(inside))
        time.sleep(0.05)
        with lock:
            inside.remove(event)

    handles(Placed, concurrency=3, among=handlers)(wait)
    tell(*range(20))

    work(consumer())

    assert max(most) in {2, 3}


def test_a_consumer_that_ends_gives_its_leases_back(consumer, shelve):
    consumer().run(Turns(1))

    assert len(Leases("consumer").keep()) == 8


def test_what_is_parked_is_shown(consumer, shelve, tell):
    shelve.failing[1] = ZeroDivisionError()
    tell(1)

    consumer().run(Turns(3))

    assert (parking.PARKED._value.get(), parking.DEAD._value.get()) == (1, 0)


def test_a_name_is_given_once(handlers, shelve):
    with pytest.raises(ValueError, match="named 'shelve' already"):
        handles(Noticed, among=handlers, name="shelve")(print)
