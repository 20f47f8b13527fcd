from __future__ import annotations

import json
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from quintet.events import handling, outbox, parking
from quintet.events.brokers import Delivery
from quintet.events.brokers.memory import MemoryBroker
from quintet.events.consumer import Consumer
from quintet.events.handling import Handlers, handles
from quintet.events.leases import Leases
from quintet.events.models import OutboxEvent, ParkedEvent
from tests.events.happenings import Placed, PlacedAgain
from tests.house.source import ROOT

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def handled(monkeypatch):
    """What the one handler of the service was given."""
    found = []
    monkeypatch.setattr(handling, "registry", Handlers())
    handles(Placed, among=handling.registry, name="remember")(found.append)
    return found


@pytest.fixture
def bury():
    """Makes a dead letter of an event that was published."""

    def buried(event=None, *, handler="remember"):
        with transaction.atomic():
            event_id = outbox.publish(event or Placed(order_id=7))
        body = OutboxEvent.objects.get(event_id=event_id).body
        return ParkedEvent.objects.create(
            handler=handler,
            event_id=event_id,
            topic="shop",
            partition=0,
            key="7",
            body=body,
            attempts=8,
            reason="ZeroDivisionError: nothing to divide",
            trace_id="t",
        )

    return buried


def run(*arguments):
    said = StringIO()
    call_command("quintet_dlq", *arguments, stdout=said)
    return said.getvalue()


def consume():
    consumer = Consumer(MemoryBroker(), Leases("consumer"), handling.registry)
    for _ in range(2):
        consumer.round()


def test_dead_letters_are_listed(bury):
    letter = bury()

    said = run("list")

    assert str(letter.pk) in said
    assert "remember" in said
    assert "nothing to divide" in said
    assert said.endswith("1 dead letters\n")


def test_dead_letters_are_listed_for_programs(bury):
    letter = bury()

    (row,) = json.loads(run("list", "--json"))

    assert (row["number"], row["event_id"], row["attempts"]) == (
        letter.pk,
        str(letter.event_id),
        8,
    )


def test_a_dead_letter_is_shown_with_its_text_and_its_trace(bury):
    told = json.loads(run("show", str(bury().pk)))

    assert told["body"]["data"] == {"order_id": 7, "amount": 0}
    assert told["trace_id"] == "t"


def test_a_text_that_is_no_json_is_shown_as_it_is():
    parking.bury_unreadable(Delivery("shop", 0, "{", "1"), reason="no event")

    assert json.loads(run("show", "--all"))["body"] == "{"


def test_a_dead_letter_is_tried_again_and_handled_once(bury, handled):
    letter = bury()

    assert run("retry", str(letter.pk)) == f"{letter.pk} will be tried again\n"
    consume()

    assert handled == [Placed(order_id=7)]
    assert not ParkedEvent.objects.exists()
    with pytest.raises(CommandError, match="There is no dead letter"):
        run("retry", str(letter.pk))


def test_all_dead_letters_are_tried_again(bury, handled):
    for number in range(3):
        bury(Placed(order_id=number))

    run("retry", "--all")

    assert not parking.dead().exists()


def test_what_could_not_be_read_goes_to_who_can_read_it_now(bury, handled):
    letter = bury(handler=parking.UNREADABLE)

    run("retry", str(letter.pk))
    consume()

    assert handled == [Placed(order_id=7)]


@pytest.mark.parametrize("handler", ["unreadable", "renamed"])
def test_what_nobody_can_read_stays_a_dead_letter(bury, handled, handler):
    letter = bury(PlacedAgain(order_id=7, total=1), handler=handler)

    with pytest.raises(CommandError, match="No handler of this service reads"):
        run("retry", str(letter.pk))

    assert parking.dead().count() == 1


def test_what_is_no_event_stays_a_dead_letter(handled):
    parking.bury_unreadable(Delivery("shop", 0, "{", "1"), reason="no event")

    with pytest.raises(CommandError, match="No handler"):
        run("retry", "--all")


def test_a_dead_letter_is_dropped(bury):
    letter, other = bury(), bury(Placed(order_id=8))

    assert run("drop", str(letter.pk)) == f"{letter.pk} is dropped\n"

    assert list(parking.dead()) == [other]


@pytest.mark.parametrize("arguments", [("retry",), ("drop", "1", "--all"), ("show",)])
def test_the_letters_are_named_or_all_are_meant(arguments):
    with pytest.raises(CommandError, match="Name the letters"):
        run(*arguments)


def test_the_admin_lets_dead_letters_be_tried_again_and_nothing_be_changed():
    program = [sys.executable, "-m", "tests.events.with_admin"]

    done = subprocess.run(program, cwd=ROOT, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
