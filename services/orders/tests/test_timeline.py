"""The timeline: each status that an order came to, when, and why it turned round; as it was."""

from __future__ import annotations

import json
import uuid

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from world import EMPTY

from orders import domain
from orders.models import Order, OrderStep, OrderTakenOver, Status
from quintet.errors import ServiceException
from quintet.testing.identity import as_user

pytestmark = pytest.mark.django_db(transaction=True)

SHOPPER, STRANGER = 7, 8
BOUGHT = ["placed", "verified", "reserved", "authorised", "charged", "confirmed"]
AWAY = "Cannot be reached."


@pytest.fixture
def shopper(client):
    return as_user(client, SHOPPER)


@pytest.fixture
def place(world, wishes):
    """Place an order, and return it whatever has become of it, unless it was taken over."""

    def place(deed=None):
        try:
            return domain.place(
                deed=deed or uuid.uuid4(), user_id=SHOPPER, wishes=wishes, payment_method="card-ok"
            )
        except OrderTakenOver:
            raise
        except ServiceException as error:
            return Order.objects.get(pk=error.details["order_id"])

    return place


def path_of(order):
    return f"/api/v1/orders/{order.pk}/timeline/"


def steps(shopper, order):
    return shopper.get(path_of(order)).json()["steps"]


def statuses(shopper, order):
    return [step["status"] for step in steps(shopper, order)]


def told(shopper, order):
    return [(step["status"], step["failure_rule"]) for step in steps(shopper, order)]


def resume():
    return domain.resume(before=timezone.now())


def test_a_confirmed_order_went_through_every_status(place, shopper):
    order = place()

    shown = shopper.get(path_of(order)).json()

    assert shown["order_id"] == order.pk
    assert [step["status"] for step in shown["steps"]] == BOUGHT
    assert all(step["failure_rule"] == step["failure_reason"] == "" for step in shown["steps"])
    assert not any(step["resumed"] for step in shown["steps"])


def test_a_step_was_made_when_the_row_of_the_order_was_written(place, shopper):
    order = place()

    shown = shopper.get(f"/api/v1/orders/{order.pk}/").json()
    made_at = [step["happened_at"] for step in steps(shopper, order)]

    assert (made_at[0], made_at[-1]) == (shown["created_at"], shown["updated_at"])
    assert [parse_datetime(at) for at in made_at] == sorted(map(parse_datetime, made_at))
    assert all(at.endswith("Z") for at in made_at)


def test_a_cancelled_order_was_confirmed_before(place, shopper):
    order = place()

    domain.cancel(order)
    domain.cancel(order)

    assert statuses(shopper, order) == [*BOUGHT, "cancelling", "cancelled"]


@pytest.mark.parametrize("number", range(1, 6))
def test_a_service_that_is_away_turns_the_order_round_where_it_stands(
    place, shopper, world, number
):
    world.faults = {number: "away before"}

    shown = steps(shopper, place())

    assert [step["status"] for step in shown] == [*BOUGHT[:number], "undoing", "failed"]
    assert [step["failure_reason"] for step in shown[-3:]] == ["", AWAY, AWAY]
    assert {step["failure_rule"] for step in shown} == {""}


def test_an_inactive_buyer_is_refused_by_the_first_service(place, shopper, world):
    world.file.write_text(json.dumps({**EMPTY, "active": False}))

    assert told(shopper, place()) == [
        ("placed", ""),
        ("undoing", "inactive_user"),
        ("failed", "inactive_user"),
    ]


@pytest.mark.parametrize(("number", "rule"), [(2, "out_of_stock"), (3, "payment_declined")])
def test_a_refusal_is_told_by_its_rule_from_where_it_turned_the_order_round(
    place, shopper, world, number, rule
):
    world.faults = {number: f"refuse {rule}"}

    assert told(shopper, place()) == [
        *((status, "") for status in BOUGHT[:number]),
        ("undoing", rule),
        ("failed", rule),
    ]


def test_an_order_that_is_not_undone_yet_shows_since_when_it_is_tried(place, shopper, world):
    world.faults = {3: "away before", 4: "away before"}
    order = place()

    resumed = resume()

    before, begun, ended = steps(shopper, order)[-3:]
    assert resumed.finished == 1
    assert (before["status"], begun["status"], ended["status"]) == ("reserved", "undoing", "failed")
    assert (begun["resumed"], ended["resumed"]) == (False, True)
    assert begun["happened_at"] < ended["happened_at"]


def test_whatever_often_an_order_is_taken_over_it_has_a_step_for_each_status(place, shopper, world):
    world.faults = dict.fromkeys(range(3, 10), "away before")
    order = place()

    resumed = [resume() for _ in range(3)]

    assert [it.waiting for it in resumed] == [1, 1, 1]
    assert statuses(shopper, order) == ["placed", "verified", "reserved", "undoing"]


@pytest.mark.parametrize("number", range(1, 5))
def test_an_order_that_was_taken_over_shows_by_whom_it_was_ended(place, shopper, world, number):
    overtake_after(world, number)
    with pytest.raises(OrderTakenOver):
        place()

    shown = steps(shopper, Order.objects.get())

    expected = [
        *((status, False) for status in BOUGHT[:number]),
        ("undoing", True),
        ("failed", True),
    ]
    assert [(step["status"], step["resumed"]) for step in shown] == expected
    assert {step["failure_reason"] for step in shown[-2:]} == {domain.INTERRUPTED}


def test_a_paid_order_that_was_taken_over_shows_by_whom_it_was_confirmed(place, shopper, world):
    overtake_after(world, 5)

    shown = steps(shopper, place())

    assert [(step["status"], step["resumed"]) for step in shown[-2:]] == [
        ("charged", False),
        ("confirmed", True),
    ]


def overtake_after(world, number):
    """Let `resume` take the order over while the answer to a request is on its way."""

    def overtake(asked):
        if asked == number:
            world.watch = lambda _: None
            resume()

    world.watch = overtake


def test_another_attempt_goes_on_with_the_steps_of_the_first(place, shopper, world, wishes):
    """The first is away from the fourth request on, and its row is left where it stood."""
    deed = uuid.uuid4()
    world.watch = lambda number: fall(number, at=4)
    with pytest.raises(ZeroDivisionError):
        place(deed)
    world.watch = lambda _: None

    shown = steps(shopper, place(deed))

    assert [step["status"] for step in shown] == BOUGHT
    assert [step["resumed"] for step in shown] == [False, False, False, False, True, True]


def fall(number, *, at):
    """End a request as nothing that the service expects."""
    if number == at:
        raise ZeroDivisionError


def test_a_move_that_is_rolled_back_leaves_no_step(place, shopper, monkeypatch):
    """The naive version notes the step in a transaction of its own, and shows what never was."""
    monkeypatch.setattr(domain, "publish", lambda _: fall(1, at=1))

    with pytest.raises(ZeroDivisionError):
        place()

    order = Order.objects.get()
    assert (order.status, statuses(shopper, order)[-1]) == (Status.CHARGED, "charged")


def test_a_step_that_cannot_be_noted_undoes_its_move(place, shopper, monkeypatch):
    """The naive version notes the step after the commit, and may die in between."""
    note = Order.note
    monkeypatch.setattr(Order, "note", lambda order: fall(order.version, at=4) or note(order))

    with pytest.raises(ZeroDivisionError):
        place()

    order = Order.objects.get()
    assert (order.status, statuses(shopper, order)) == (Status.RESERVED, BOUGHT[:3])


def test_an_order_whose_first_step_cannot_be_noted_is_not_placed(place, monkeypatch):
    monkeypatch.setattr(Order, "note", lambda _: fall(1, at=1))

    with pytest.raises(ZeroDivisionError):
        place()

    assert (Order.objects.count(), OrderStep.objects.count()) == (0, 0)


def test_a_request_that_was_overtaken_leaves_no_step(place, shopper):
    order = place()
    late = Order.objects.get()
    domain.cancel(order)

    with pytest.raises(OrderTakenOver):
        late.move(Status.CANCELLING)

    assert statuses(shopper, order) == [*BOUGHT, "cancelling", "cancelled"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("placed", ["placed"]),
        ("confirmed", ["placed", "confirmed"]),
        ("failed", ["placed", "failed"]),
    ],
)
def test_an_order_from_before_there_were_steps_is_told_as_far_as_it_is_known(
    shopper, status, expected
):
    order = Order.objects.create(
        user_id=SHOPPER, payment_method="card-ok", status=status, failure_reason="Away."
    )

    shown = steps(shopper, order)

    row = shopper.get(f"/api/v1/orders/{order.pk}/").json()
    assert [step["status"] for step in shown] == expected
    assert (shown[0]["happened_at"], shown[0]["failure_reason"]) == (row["created_at"], "")
    assert [step["happened_at"] for step in shown[1:]] == [row["updated_at"]] * len(expected[1:])


def test_an_order_that_an_older_version_moved_on_ends_where_it_is(place, shopper):
    """While a new version is rolled out both are at work, and the old one notes nothing."""
    order = place()
    order.steps.filter(status__in=["charged", "confirmed"]).delete()

    domain.cancel(order)
    order.steps.filter(status="cancelled").delete()

    expected = ["placed", "verified", "reserved", "authorised", "cancelling", "cancelled"]
    assert statuses(shopper, order) == expected


def test_a_timeline_does_not_exist_for_a_stranger(place, client):
    order = place()

    stranger = as_user(client, STRANGER)
    missing = stranger.get("/api/v1/orders/999999/timeline/")
    foreign = stranger.get(path_of(order))

    assert (missing.status_code, foreign.status_code) == (404, 404)
    assert foreign.json()["error"]["message"] == missing.json()["error"]["message"]


def test_staff_see_the_timeline_of_any_order(place, client):
    assert as_user(client, STRANGER, staff=True).get(path_of(place())).status_code == 200


def test_a_parameter_that_nothing_reads_is_refused(place, shopper):
    assert shopper.get(path_of(place()), {"page": 1}).status_code == 400


def test_a_timeline_asks_the_database_twice_whatever_its_length(
    place, shopper, django_assert_num_queries
):
    young = Order.objects.create(user_id=SHOPPER, payment_method="card-ok")
    old = domain.cancel(place())

    for order, length in ((young, 1), (old, 8)):
        with django_assert_num_queries(2):
            assert len(steps(shopper, order)) == length
