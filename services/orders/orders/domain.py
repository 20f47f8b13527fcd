"""Placing, cancelling and resuming orders: a state machine that survives a crash at any point.

Forward, each status is committed before the next service is asked:

    placed ─▶ verified ─▶ reserved ─▶ authorised ─▶ charged ─▶ confirmed ─▶ cancelling ─▶ cancelled
       └──────────┴───────────┴─────────────┴───────────┴──▶ undoing ─▶ failed

Whatever fails on the way, the order turns to `undoing`, and what may have happened is undone in
reverse. Every request carries the reference of the order, so that each may be sent twice, and an
undo that overtakes its deed wins. An order left behind by a crash is finished by `resume`.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from orders.clients import PaymentsClient, ProductsClient, UsersClient
from orders.events import OrderCancelled, OrderConfirmed
from orders.models import Order, OrderLine, OrderTakenOver, Status
from quintet.errors import BusinessLogicException, ConflictException, ServiceException
from quintet.events.outbox import publish
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

log = get_logger(__name__)

INTERRUPTED: Final = "The order was interrupted before it was confirmed."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to buy: one product and how many of it."""

    product_id: int
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """What became of the orders that were left behind; `waiting` ones need another run."""

    finished: int = 0
    waiting: int = 0


class InactiveUser(BusinessLogicException):
    """Only active users may order."""

    def __init__(self) -> None:
        """Name the rule, and nothing of the user."""
        super().__init__("Only an active user may place an order.", business_rule="inactive_user")


class OrderNotCancellable(ConflictException):
    """The order is not confirmed: there is nothing to give back, or not yet."""


def place(*, deed: UUID, user_id: int, wishes: Sequence[Wish], payment_method: str) -> Order:
    """Buy the wishes and return the confirmed order; a failed order stays readable and is raised.

    The error is the one of the service that refused; its details name the order. A request that
    was overtaken by `resume` returns the order if that confirmed it. Another attempt of the same
    `deed` goes on with the order of the one before, unless that has failed and is undone.
    """
    order = _left_behind(deed)
    if order is None:
        order = _record(deed, user_id=user_id, wishes=wishes, payment_method=payment_method)
        log.info("order placed", order_id=order.pk, user_id=user_id, lines=len(wishes))
    elif order.status not in FORWARD:
        return order
    try:
        _advance_or_undo(order)
    except OrderTakenOver as taken:
        order.refresh_from_db()
        if order.status != Status.CONFIRMED:
            taken.details = {**taken.details, "order_id": order.pk}
            raise
    return order


def cancel(order: Order) -> Order:
    """Give back the money and the goods of a confirmed order; cancelling again changes nothing."""
    if order.status == Status.CONFIRMED:
        _move_or_reload(order, Status.CANCELLING, reached=Status.CONFIRMED)
    if order.status == Status.CANCELLING:
        _give_back(order)
        _move_or_reload(order, Status.CANCELLED)
        log.info("order cancelled", order_id=order.pk, amount=order.total_amount)
    if order.status != Status.CANCELLED:
        raise OrderNotCancellable(
            f"An order that is {order.status} cannot be cancelled.",
            details={"order_id": order.pk, "status": order.status},
        )
    return order


def resume(*, before: datetime) -> Resumed:
    """Finish the orders that nobody has advanced since a moment.

    An order whose money was taken is confirmed if that is still possible; any other is undone.
    """
    finished = waiting = 0
    while (order := Order.claim(before=before)) is not None:
        try:
            _finish(order)
        except ServiceException as error:
            waiting += 1
            log.warning("order left for later", order_id=order.pk, reason=error.message)
        else:
            finished += 1
            log.info("order resumed", order_id=order.pk, status=order.status)
    return Resumed(finished=finished, waiting=waiting)


def _left_behind(deed: UUID) -> Order | None:
    """Take over what an earlier attempt has made; what it could not undo is undone first."""
    order = Order.objects.of_deed(deed).first()
    if order is None:
        return None
    if order.status == Status.UNDOING:
        order.take_over()
        _undo(order)
        return None
    if order.status in FORWARD:
        order.take_over()
    return order


def _record(deed: UUID, *, user_id: int, wishes: Sequence[Wish], payment_method: str) -> Order:
    now = timezone.now()
    with _first_of_its_deed(), transaction.atomic(durable=True):
        order = Order.objects.create(
            deed=deed,
            user_id=user_id,
            payment_method=payment_method,
            created_at=now,
            updated_at=now,
        )
        order.note()
        OrderLine.objects.bulk_create(
            OrderLine(order=order, product_id=wish.product_id, quantity=wish.quantity)
            for wish in wishes
        )
    return order


@contextmanager
def _first_of_its_deed() -> Iterator[None]:
    """Tell whoever comes second, after a lease was lost, that there is an order already."""
    try:
        yield
    except IntegrityError as error:
        raise OrderTakenOver("Another process is working on this order.") from error


def _verify(order: Order) -> dict[str, Any]:
    if not UsersClient().shopper(order.user_id).is_active:
        raise InactiveUser
    return {}


def _reserve(order: Order) -> dict[str, Any]:
    lines = list(order.lines.all())
    reservation = ProductsClient().reserve(
        str(order), {line.product_id: line.quantity for line in lines}
    )
    for line in lines:
        priced = reservation.lines[line.product_id]
        line.name, line.unit_price_amount = priced.name, priced.unit_price_amount
    return {
        "lines": lines,
        "total_amount": reservation.total_amount,
        "currency": reservation.currency,
    }


def _authorise(order: Order) -> dict[str, Any]:
    PaymentsClient().authorise(
        str(order),
        user_id=order.user_id,
        amount=order.total_amount or 0,
        currency=order.currency,
        method=order.payment_method,
    )
    return {}


def _charge(order: Order) -> dict[str, Any]:
    PaymentsClient().capture(str(order))
    return {}


def _commit(order: Order) -> dict[str, Any]:
    ProductsClient().commit(str(order))
    return {}


def _return_money(order: Order) -> None:
    PaymentsClient().give_back(str(order))


def _release(order: Order) -> None:
    ProductsClient().release(str(order))


FORWARD: Final[dict[Status, tuple[Callable[[Order], dict[str, Any]], Status]]] = {
    Status.PLACED: (_verify, Status.VERIFIED),
    Status.VERIFIED: (_reserve, Status.RESERVED),
    Status.RESERVED: (_authorise, Status.AUTHORISED),
    Status.AUTHORISED: (_charge, Status.CHARGED),
    Status.CHARGED: (_commit, Status.CONFIRMED),
}

# What may have happened to an order that had reached a status, and therefore is undone.
BACKWARD: Final[dict[Status, tuple[Callable[[Order], None], ...]]] = {
    Status.PLACED: (),
    Status.VERIFIED: (_release,),
    Status.RESERVED: (_return_money, _release),
    Status.AUTHORISED: (_return_money, _release),
    Status.CHARGED: (_return_money, _release),
    Status.CONFIRMED: (_return_money, _release),
}

# A service that refuses by a rule has done nothing: the step before is the last one to undo.
REFUSED: Final = {Status.VERIFIED: Status.PLACED, Status.RESERVED: Status.VERIFIED}


def _advance(order: Order) -> None:
    while order.status in FORWARD:
        step, reached = FORWARD[Status(order.status)]
        _move(order, reached, **step(order))
    log.info("order confirmed", order_id=order.pk, amount=order.total_amount)


def _advance_or_undo(order: Order) -> None:
    try:
        _advance(order)
    except OrderTakenOver:
        raise
    except ServiceException as error:
        _fail(order, error)
        error.details = {**error.details, "order_id": order.pk}
        raise


def _fail(order: Order, error: ServiceException) -> None:
    """Undo, as far as the other services can be reached; `resume` does the rest."""
    _turn_round(order, error)
    try:
        _undo(order)
    except ServiceException as failure:
        log.warning("order not undone yet", order_id=order.pk, reason=failure.message)


def _turn_round(order: Order, error: ServiceException) -> None:
    reached, rule = Status(order.status), ""
    if isinstance(error, BusinessLogicException):
        reached, rule = REFUSED.get(reached, reached), error.business_rule or ""
    _move(
        order,
        Status.UNDOING,
        reached=reached,
        failure_rule=rule[:64],
        failure_reason=error.message[:255],
    )


def _undo(order: Order) -> None:
    _give_back(order)
    _move(order, Status.FAILED)
    log.info("order failed", order_id=order.pk, rule=order.failure_rule, why=order.failure_reason)


def _give_back(order: Order) -> None:
    for step in BACKWARD[Status(order.reached)]:
        step(order)


def _move(order: Order, to: Status, **facts: Any) -> None:
    """Commit the next status, and in the same transaction what others are told of it."""
    order.move(to, telling=lambda: _tell(order), **facts)


def _tell(order: Order) -> None:
    if order.status == Status.CONFIRMED:
        publish(
            OrderConfirmed(
                reference=str(order),
                user_id=order.user_id,
                total_amount=order.total_amount or 0,
                currency=order.currency,
            )
        )
    elif order.status == Status.CANCELLED:
        publish(OrderCancelled(reference=str(order)))


def _move_or_reload(order: Order, to: Status, **facts: Any) -> None:
    """Move the order; where somebody else did so first, take what they made of it."""
    try:
        _move(order, to, **facts)
    except OrderTakenOver:
        order.refresh_from_db()


def _finish(order: Order) -> None:
    if order.status == Status.CANCELLING:
        _give_back(order)
        _move(order, Status.CANCELLED)
        return
    if order.status == Status.CHARGED and _confirmed(order):
        return
    if order.status != Status.UNDOING:
        _move(order, Status.UNDOING, reached=Status(order.status), failure_reason=INTERRUPTED)
    _undo(order)


def _confirmed(order: Order) -> bool:
    """Say whether the goods that are paid for could be committed; unreachable is not an answer."""
    try:
        _advance(order)
    except BusinessLogicException as refusal:
        log.warning("paid order refused", order_id=order.pk, reason=refusal.message)
        return False
    return True
