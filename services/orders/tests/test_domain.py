"""The state machine: whatever goes wrong where, goods and money end up on one side."""

from __future__ import annotations

import json
import threading
import time
import uuid
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from world import PRICE, STOCK

from orders import domain
from orders.clients import ProductsClient
from orders.models import Order, OrderTakenOver, Status
from quintet.clients import Policy, ServiceClient
from quintet.errors import (
    BusinessLogicException,
    ConflictException,
    DeadlineException,
    ServiceException,
    UnavailableException,
)
from quintet.resilience import deadline

pytestmark = pytest.mark.django_db(transaction=True)

STEPS = {1: "verify", 2: "reserve", 3: "authorise", 4: "capture", 5: "commit"}
FAULTS = ["silence before", "silence after", "away before", "broken before"]


def place(wishes):
    return domain.place(deed=uuid.uuid4(), user_id=7, wishes=wishes, payment_method="card-ok")


def resume_all():
    return domain.resume(before=timezone.now())


def assert_consistent(world, order):
    order.refresh_from_db()
    state = world.state
    reservation = state["reservations"].get(str(order), {}).get("status", "released")
    payment = state["payments"].get(str(order), {}).get("status", "voided")
    if order.status == Status.CONFIRMED:
        assert (reservation, payment) == ("committed", "captured")
        assert state["stock"] == STOCK - 2
    else:
        assert order.status in {Status.FAILED, Status.CANCELLED}
        assert reservation == "released"
        assert payment in {"voided", "refunded"}
        assert state["stock"] == STOCK


def test_an_order_is_reserved_charged_and_confirmed(world, wishes):
    order = place(wishes)

    order.refresh_from_db()
    assert (order.status, order.total_amount, order.currency) == ("confirmed", 2 * PRICE, "EUR")
    assert order.lines.get().name == "Lamp"
    assert_consistent(world, order)


def test_every_status_is_committed_before_the_next_service_is_asked(world, wishes):
    seen = []
    world.watch = lambda _: seen.append(
        (connection.in_atomic_block, Order.objects.values_list("status", flat=True).get())
    )

    place(wishes)

    assert seen == [
        (False, "placed"),
        (False, "verified"),
        (False, "reserved"),
        (False, "authorised"),
        (False, "charged"),
    ]


def test_an_order_is_not_placed_inside_a_transaction_of_the_caller(world, wishes):
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        place(wishes)

    assert world.state["requests"] == 0


def test_a_status_is_not_changed_inside_a_transaction_of_somebody_else():
    order = Order.objects.create(user_id=7, payment_method="card-ok")

    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        order.move(Status.VERIFIED)


@pytest.mark.parametrize(("step", "reached"), [(2, Status.RESERVED), (3, Status.AUTHORISED)])
def test_what_another_service_has_done_is_written_down_after_the_deadline(
    world, wishes, step, reached
):
    world.watch = lambda number: deadline.bind(time.monotonic()) if number == step else None

    with deadline.within(60), pytest.raises(DeadlineException):
        place(wishes)

    order = Order.objects.get()
    assert (order.status, order.reached) == (Status.UNDOING, reached)
    assert world.state["requests"] == step
    assert resume_all() == domain.Resumed(finished=1)
    assert_consistent(world, order)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", STEPS, ids=STEPS.get)
def test_a_fault_in_any_step_undoes_the_order(world, wishes, step, fault):
    # Who the buyer is is asked three times; what changes something is asked for once.
    world.faults = {step: fault}

    with pytest.raises(ServiceException) as raised:
        place(wishes)

    order = Order.objects.get()
    assert raised.value.details["order_id"] == order.pk
    assert order.failure_reason == raised.value.message
    assert_consistent(world, order)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", STEPS, ids=STEPS.get)
def test_a_fault_that_passes_costs_no_order(world, wishes, monkeypatch, step, fault):
    """The naive version asks once, or asks again without a key and is right by chance."""
    monkeypatch.setattr(ServiceClient, "policy", Policy())
    world.faults = {step: fault}

    order = place(wishes)

    assert order.status == Status.CONFIRMED
    assert_consistent(world, order)


@pytest.mark.parametrize("undo_fault", ["silence after", "away before"])
@pytest.mark.parametrize("step", [2, 3, 4, 5])
def test_an_undo_that_fails_is_finished_by_resume(world, wishes, step, undo_fault):
    world.faults = {step: "silence after", step + 1: undo_fault}
    with pytest.raises(DeadlineException):
        place(wishes)
    order = Order.objects.get()
    assert order.status == Status.UNDOING

    resumed = resume_all()

    assert resumed == domain.Resumed(finished=1)
    assert_consistent(world, order)


def test_resume_waits_for_a_service_that_is_still_away(world, wishes):
    world.faults = dict.fromkeys(range(3, 8), "away before")
    with pytest.raises(UnavailableException):
        place(wishes)

    resumed = resume_all()

    assert resumed == domain.Resumed(waiting=1)
    assert Order.objects.get().status == Status.UNDOING


def test_a_refusal_undoes_the_steps_before_it_and_names_its_rule(world):
    wishes = [domain.Wish(product_id=1, quantity=STOCK + 1)]

    with pytest.raises(BusinessLogicException) as raised:
        place(wishes)

    order = Order.objects.get()
    assert raised.value.business_rule == order.failure_rule == "out_of_stock"
    assert order.status == Status.FAILED
    assert world.state["requests"] == 2


@pytest.mark.parametrize("status", ["placed", "verified", "reserved", "authorised"])
def test_an_order_left_behind_unpaid_is_undone(world, wishes, status):
    order = Order.objects.create(user_id=7, payment_method="card-ok", status=status)

    resume_all()

    assert_consistent(world, order)
    assert order.failure_reason == domain.INTERRUPTED


def test_an_order_left_behind_paid_is_confirmed(world, wishes):
    order = charged(world, wishes)

    resume_all()

    assert_consistent(world, order)
    assert order.status == Status.CONFIRMED


def test_an_order_left_behind_paid_whose_goods_are_gone_is_refunded(world, wishes):
    order = charged(world, wishes)
    ProductsClient().release(str(order))

    resume_all()

    assert_consistent(world, order)
    assert order.status == Status.FAILED


def test_an_order_left_behind_paid_is_kept_while_products_is_away(world, wishes):
    order = charged(world, wishes)
    world.faults = {world.state["requests"] + 1: "away before"}

    resumed = resume_all()

    order.refresh_from_db()
    assert (resumed.waiting, order.status) == (1, Status.CHARGED)


def charged(world, wishes):
    order = place(wishes)
    state = world.state
    state["reservations"][str(order)]["status"] = "reserved"
    world.file.write_text(json.dumps(state))
    Order.objects.update(status=Status.CHARGED)
    return order


def test_resume_leaves_alone_what_was_advanced_lately(world):
    Order.objects.create(user_id=7, payment_method="card-ok")

    resumed = domain.resume(before=timezone.now() - timedelta(seconds=60))

    assert resumed == domain.Resumed()
    assert world.state["requests"] == 0


def test_a_request_that_wakes_up_after_resume_cannot_advance_its_order(world, wishes):
    def overtake(number):
        if number == 3:
            world.watch = lambda _: None
            resume_all()

    world.watch = overtake

    with pytest.raises(OrderTakenOver):
        place(wishes)

    assert_consistent(world, Order.objects.get())


@pytest.mark.parametrize("fault", ["", "silence after"])
def test_a_request_whose_order_was_confirmed_by_resume_says_so(world, wishes, fault):
    def overtake(number):
        if number == 5:
            world.watch = lambda _: None
            resume_all()

    world.watch, world.faults = overtake, {5: fault}

    order = place(wishes)

    assert order.status == Status.CONFIRMED
    assert_consistent(world, order)


def test_a_request_whose_order_was_undone_by_resume_names_it(world, wishes):
    world.watch = lambda number: resume_all() if number == 1 else None

    with pytest.raises(OrderTakenOver) as raised:
        place(wishes)

    assert raised.value.details["order_id"] == Order.objects.get().pk


def test_two_resumers_share_the_orders_and_finish_each_once(world):
    orders = [Order.objects.create(user_id=7, payment_method="card-ok") for _ in range(20)]
    results = []

    def run():
        results.append(resume_all())
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(result.finished for result in results) == len(orders)
    assert set(Order.objects.values_list("version", flat=True)) == {4}


def test_a_cancelled_order_returns_money_and_goods(world, wishes):
    order = place(wishes)

    domain.cancel(order)

    assert order.status == Status.CANCELLED
    assert_consistent(world, order)


def test_cancelling_again_changes_nothing(world, wishes):
    order = domain.cancel(place(wishes))
    asked = world.state["requests"]

    domain.cancel(order)

    assert world.state["requests"] == asked


@pytest.mark.parametrize("request_number", [6, 7, 8])
def test_a_cancellation_that_fails_halfway_can_be_repeated(world, wishes, request_number):
    order = place(wishes)
    world.faults = {request_number: "silence after"}
    with pytest.raises(DeadlineException):
        domain.cancel(order)
    assert Order.objects.get().status == Status.CANCELLING

    domain.cancel(Order.objects.get())

    assert_consistent(world, order)


def test_a_cancellation_that_fails_halfway_is_finished_by_resume(world, wishes):
    order = place(wishes)
    world.faults = {7: "away before"}
    with pytest.raises(UnavailableException):
        domain.cancel(order)

    resume_all()

    assert_consistent(world, order)
    assert order.status == Status.CANCELLED


def test_a_cancellation_overtaken_by_another_agrees_with_it(world, wishes):
    order = place(wishes)
    late = Order.objects.get()
    domain.cancel(order)

    assert domain.cancel(late).status == Status.CANCELLED


@pytest.mark.parametrize("status", sorted(set(Status) - {"confirmed", "cancelling", "cancelled"}))
def test_only_a_confirmed_order_can_be_cancelled(world, status):
    order = Order.objects.create(user_id=7, payment_method="card-ok", status=status)

    with pytest.raises(ConflictException, match=status):
        domain.cancel(order)

    assert world.state["requests"] == 0


def test_another_attempt_of_a_deed_gets_the_order_of_the_first(world, wishes):
    deed = uuid.uuid4()

    first, second = (
        domain.place(deed=deed, user_id=7, wishes=wishes, payment_method="card-ok")
        for _ in range(2)
    )

    assert second == first
    assert (Order.objects.count(), world.state["stock"]) == (1, STOCK - 2)


def test_another_attempt_undoes_what_the_first_could_not_and_buys(world, wishes):
    deed = uuid.uuid4()
    world.faults = {3: "silence before", 4: "away before"}
    with pytest.raises(DeadlineException):
        domain.place(deed=deed, user_id=7, wishes=wishes, payment_method="card-ok")

    bought = domain.place(deed=deed, user_id=7, wishes=wishes, payment_method="card-ok")

    assert bought.status == Status.CONFIRMED
    assert sorted(Order.objects.values_list("status", flat=True)) == ["confirmed", "failed"]
    assert world.state["stock"] == STOCK - 2


def test_another_attempt_waits_while_the_first_cannot_be_undone(world, wishes):
    deed = uuid.uuid4()
    world.faults = {3: "silence before", 4: "away before", 5: "away before"}
    for expected in (DeadlineException, UnavailableException):
        with pytest.raises(expected):
            domain.place(deed=deed, user_id=7, wishes=wishes, payment_method="card-ok")

    assert Order.objects.get().status == Status.UNDOING


def test_a_cancelled_order_is_not_placed_again_by_a_late_attempt(world, wishes):
    deed = uuid.uuid4()
    order = domain.place(deed=deed, user_id=7, wishes=wishes, payment_method="card-ok")
    domain.cancel(order)

    again = domain.place(deed=deed, user_id=7, wishes=wishes, payment_method="card-ok")

    assert (again, again.status) == (order, Status.CANCELLED)
    assert world.state["stock"] == STOCK


def test_two_attempts_at_once_cannot_both_make_an_order(world, wishes, monkeypatch):
    """Whoever lost its lease finds no order, and is late all the same."""
    deed = uuid.uuid4()
    domain.place(deed=deed, user_id=7, wishes=wishes, payment_method="card-ok")
    monkeypatch.setattr(domain, "_left_behind", lambda _: None)

    with pytest.raises(OrderTakenOver):
        domain.place(deed=deed, user_id=7, wishes=wishes, payment_method="card-ok")

    assert Order.objects.count() == 1
