"""Work that comes again, with nobody asking for it."""

from __future__ import annotations

from django.utils import timezone

from products import domain, tasks
from products.models import Product, Reservation
from quintet.tasks.declared import rhythms


def test_what_was_put_aside_for_too_long_is_returned_each_minute(db, lamp):
    before = lamp.stock
    domain.reserve("a", {lamp.pk: 1})
    Reservation.objects.update(expires_at=timezone.now())

    for _ in range(2):  # once more changes nothing
        tasks.release_expired_reservations.call()

    assert Product.objects.get(pk=lamp.pk).stock == before
    (rhythm,) = rhythms().values()
    assert (rhythm.task, rhythm.seconds) == (tasks.release_expired_reservations, 60)
