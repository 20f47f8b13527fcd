"""The orders, their lines and steps; a status changes only along the arrows of the machine."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from django.db import connection, models, transaction
from django.utils import timezone

from quintet.errors import ConflictException
from quintet.resilience import deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime


BOOKING_SECONDS: Final = 2.0


class Status(models.TextChoices):
    """How far an order has come; each name says what is known to have happened."""

    PLACED = "placed"
    VERIFIED = "verified"
    RESERVED = "reserved"
    AUTHORISED = "authorised"
    CHARGED = "charged"
    CONFIRMED = "confirmed"
    UNDOING = "undoing"
    FAILED = "failed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


ARROWS: Final = {
    Status.PLACED: {Status.VERIFIED, Status.UNDOING},
    Status.VERIFIED: {Status.RESERVED, Status.UNDOING},
    Status.RESERVED: {Status.AUTHORISED, Status.UNDOING},
    Status.AUTHORISED: {Status.CHARGED, Status.UNDOING},
    Status.CHARGED: {Status.CONFIRMED, Status.UNDOING},
    Status.CONFIRMED: {Status.CANCELLING},
    Status.UNDOING: {Status.FAILED},
    Status.CANCELLING: {Status.CANCELLED},
    Status.FAILED: set(),
    Status.CANCELLED: set(),
}

FINAL: Final = frozenset({Status.CONFIRMED, Status.FAILED, Status.CANCELLED})


class OrderTakenOver(ConflictException):
    """Another process advanced the order first; whoever gets this has to leave it alone."""


class OrderQuerySet(models.QuerySet["Order"]):
    """The questions that orders are asked."""

    def of(self, user_id: int) -> OrderQuerySet:
        """Return what one user ordered."""
        return self.filter(user_id=user_id)

    def of_deed(self, deed: uuid.UUID) -> OrderQuerySet:
        """Return what the attempts of one deed have made; what failed is as if it had not been."""
        return self.filter(deed=deed).exclude(status=Status.FAILED)

    def unfinished(self, *, before: datetime) -> OrderQuerySet:
        """Return what nobody has advanced since a moment although it is not at an end."""
        return self.exclude(status__in=FINAL).filter(updated_at__lt=before)


class Order(models.Model):
    """One purchase; `version` rises with each change, so that only one process can advance it."""

    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    deed = models.UUIDField(null=True, editable=False)
    user_id = models.BigIntegerField()
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PLACED)
    reached = models.CharField(max_length=16, choices=Status.choices, default=Status.PLACED)
    version = models.PositiveIntegerField(default=1)
    total_amount = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3, blank=True, default="")
    payment_method = models.CharField(max_length=64)
    failure_rule = models.CharField(max_length=64, blank=True, default="")
    failure_reason = models.CharField(max_length=255, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    # No column: it is about this process, and its steps carry it.
    taken_over = False

    objects = OrderQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user_id", "-id"], name="orders_of_user"),
            models.Index(
                fields=["updated_at"],
                name="orders_unfinished",
                condition=~models.Q(status__in=sorted(FINAL)),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                name="orders_deed_once",
                fields=["deed"],
                condition=~models.Q(status=Status.FAILED),
            ),
            models.CheckConstraint(
                name="orders_total_not_negative", condition=models.Q(total_amount__gte=0)
            ),
        ]

    def __str__(self) -> str:
        """Return the name that other services know the order by."""
        return f"order-{self.reference}"

    def move(
        self,
        to: Status,
        *,
        telling: Callable[[], object] | None = None,
        lines: Iterable[OrderLine] = (),
        **facts: Any,
    ) -> None:
        """Commit the next status and the facts learned on the way there, or raise OrderTakenOver.

        Its step, and what `telling` writes, are committed with it.

        The write is durable: it refuses to run inside another transaction, because the caller is
        about to call another service. It has time when the request has none: what another service
        has done is written down though nobody waits for it.
        """
        if to not in ARROWS[Status(self.status)]:
            raise ValueError(f"An order cannot go from {self.status} to {to}.")
        with deadline.granting(BOOKING_SECONDS), transaction.atomic(durable=True):
            self._swap(status=to, **facts)
            self.note()
            OrderLine.objects.bulk_update(list(lines), ["name", "unit_price_amount"])
            if telling is not None:
                telling()

    def take_over(self) -> None:
        """Make this process the only one that can advance the order."""
        self._swap()
        self.taken_over = True

    def note(self) -> None:
        """Write down what the order has come to, in the transaction that brought it there."""
        self._step().save(force_insert=True)

    def timeline(self) -> list[OrderStep]:
        """Return what the order has come to, as one followed the other.

        A version of this service that kept no steps left what the row itself knows: when the order
        was placed, and since when it is what it is now.
        """
        steps = list(self.steps.all())
        known = {step.status for step in steps}
        if Status.PLACED not in known:
            placed = OrderStep(
                order=self, sequence=1, status=Status.PLACED, happened_at=self.created_at
            )
            steps.insert(0, placed)
        if self.status not in {*known, Status.PLACED}:
            steps.append(self._step())
        return steps

    def _step(self) -> OrderStep:
        return OrderStep(
            order=self,
            sequence=self.version,
            status=self.status,
            happened_at=self.updated_at,
            resumed=self.taken_over,
            failure_rule=self.failure_rule,
            failure_reason=self.failure_reason,
        )

    def _swap(self, **facts: Any) -> None:
        facts |= {"version": self.version + 1, "updated_at": timezone.now()}
        mine = Order.objects.filter(pk=self.pk, version=self.version)
        if not mine.update(**facts):
            raise OrderTakenOver("Another process is working on this order.")
        for name, value in facts.items():
            setattr(self, name, value)

    @classmethod
    def claim(cls, *, before: datetime) -> Order | None:
        """Take over the order that has waited longest since before a moment, if there is one."""
        skip_locked = connection.features.has_select_for_update_skip_locked
        with transaction.atomic(durable=True):
            waiting = cls.objects.unfinished(before=before).order_by("updated_at", "pk")
            order = waiting.select_for_update(skip_locked=skip_locked).first()
            if order is not None:
                order.take_over()
        return order


class OrderLine(models.Model):
    """A product and how many of it; name and price are those of the moment of the reservation."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product_id = models.BigIntegerField()
    quantity = models.PositiveIntegerField()
    name = models.CharField(max_length=255, blank=True, default="")
    unit_price_amount = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["order", "product_id"], name="orders_product_once"),
            models.CheckConstraint(
                name="orders_quantity_positive", condition=models.Q(quantity__gte=1)
            ),
        ]

    def __str__(self) -> str:
        """Return the line as a person would read it."""
        return f"{self.quantity} of {self.name or self.product_id}"


class OrderStep(models.Model):
    """A status that an order came to, and when; rows are added, never changed.

    The sequence is the version of the order, so the steps are in order whatever the clocks say.
    A step is `resumed` if it was made by a process that took the order over from another one.
    """

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="steps")
    sequence = models.PositiveIntegerField()
    status = models.CharField(max_length=16, choices=Status.choices)
    happened_at = models.DateTimeField()
    resumed = models.BooleanField(default=False)
    failure_rule = models.CharField(max_length=64, blank=True, default="")
    failure_reason = models.CharField(max_length=255, blank=True, default="")

    class Meta:
        ordering = ["sequence"]
        constraints = [
            models.UniqueConstraint(fields=["order", "sequence"], name="orders_step_once"),
        ]

    def __str__(self) -> str:
        """Return the step as a person would read it."""
        return f"{self.status} at {self.happened_at.isoformat()}"
