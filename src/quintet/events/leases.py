"""Who works on which partition: leases in the database of the service, shared out evenly.

Each process says that it is there, counts those who are, and holds its share. A process that stops
saying so loses what it holds a few seconds later; where that was only asleep, it finds out with the
next look, and what it does until then has been done before and has no effect.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from django.db import connection, transaction
from django.db.models.functions import Now

from quintet.events import PARTITIONS
from quintet.events.models import Lease

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet

LEASE_SECONDS: Final = 10.0
LOOKS_PER_LEASE: Final = 4
FORGOTTEN_AFTER: Final = timedelta(hours=1)


class Leases:
    """What one process holds of the partitions, for one kind of work: ``relay`` or ``consumer``."""

    def __init__(
        self,
        kind: str,
        *,
        seconds: float = LEASE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.held: frozenset[int] = frozenset()
        self.holder = uuid4()
        self._kind, self._clock = kind, clock
        self._seconds = timedelta(seconds=seconds)
        self._pause, self._look_at = seconds / LOOKS_PER_LEASE, 0.0
        self._names = {f"{kind}:{partition}": partition for partition in range(PARTITIONS)}

    def keep(self) -> frozenset[int]:
        """Hold on to what is held, take what is free, give away what is more than a share."""
        if self._clock() < self._look_at:
            return self.held
        with transaction.atomic(durable=True):
            share = -(-PARTITIONS // self._members())
            mine = self._mine()
            if len(mine) > share:
                self._give_away(mine[share:])
            elif len(mine) < share:
                mine += self._taken(share - len(mine))
            mine = mine[:share]
            self._rows(mine).update(ends_at=Now() + self._seconds)
        self.held = frozenset(self._names[name] for name in mine)
        self._look_at = self._clock() + self._pause
        return self.held

    def release(self) -> None:
        """Give everything away, at the end."""
        with transaction.atomic(durable=True):
            Lease.objects.filter(name=self._member).delete()
            self._give_away(list(self._names))
        self.held, self._look_at = frozenset(), 0.0

    @property
    def _member(self) -> str:
        return f"{self._kind}:member:{self.holder}"

    def _members(self) -> int:
        """Say that this process is there, and count those who have said so."""
        others = Lease.objects.filter(name__startswith=f"{self._kind}:member:")
        others.filter(ends_at__lt=Now() - FORGOTTEN_AFTER).delete()
        Lease.objects.update_or_create(
            name=self._member,
            defaults={"holder": self.holder, "ends_at": Now() + self._seconds},
        )
        return max(1, others.filter(ends_at__gt=Now()).count())

    def _mine(self) -> list[str]:
        held = Lease.objects.filter(name__in=self._names, holder=self.holder, ends_at__gt=Now())
        return list(held.order_by("name").values_list("name", flat=True))

    def _taken(self, number: int) -> list[str]:
        Lease.objects.bulk_create([Lease(name=name) for name in self._names], ignore_conflicts=True)
        skip_locked = connection.features.has_select_for_update_skip_locked
        free = Lease.objects.filter(name__in=self._names, ends_at__lte=Now()).order_by("name")
        names = [row.name for row in free.select_for_update(skip_locked=skip_locked)[:number]]
        self._all(names).update(holder=self.holder)
        return names

    def _give_away(self, names: list[str]) -> None:
        self._rows(names).update(holder=None, ends_at=Now())

    def _rows(self, names: list[str]) -> QuerySet[Lease]:
        return self._all(names).filter(holder=self.holder)

    def _all(self, names: list[str]) -> QuerySet[Lease]:
        return Lease.objects.filter(name__in=names)
