"""Places, cancels and finishes orders in the environment of the orders service, beside it."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

import django

django.setup()

from django.utils import timezone  # noqa: E402 - Django has to be ready first
from forking import serve  # noqa: E402

from orders import domain  # noqa: E402
from orders.models import Order  # noqa: E402
from quintet.clients import PooledTransport, use_transport  # noqa: E402
from quintet.errors import DeadlineException, ServiceException, UnavailableException  # noqa: E402

SPARED = 3


class Faulty(PooledTransport):
    """Sends nothing from one request on, or lets no answer through, until it is spent."""

    def __init__(self, *, at: int, fault: str, times: int) -> None:
        self.hit, self.fault = range(at, at + times), fault
        self.number = 0

    def send(self, request):
        self.number += 1
        if self.number not in self.hit:
            return super().send(request)
        if self.fault == "error":
            raise UnavailableException("Cannot be reached.")
        super().send(request)
        raise DeadlineException("No answer in time.")


def place(deed, user, product, method):
    """Buy one; whatever is wrong with it, the order says so."""
    with suppress(ServiceException):
        domain.place(
            deed=UUID(deed),
            user_id=user,
            wishes=[domain.Wish(product_id=product, quantity=1)],
            payment_method=method,
        )


def cancel(deed):
    """Give everything back."""
    with suppress(ServiceException):
        domain.cancel(Order.objects.get(deed=deed))


def resume():
    """Finish what was left behind."""
    assert domain.resume(before=timezone.now()).waiting == 0


def suffer(at, fault, times, **order):
    """Buy one while the other services go wrong, unless so many requests are not even made."""
    transport = Faulty(at=at, fault=fault, times=times)
    with use_transport(transport):
        place(**order)
    return SPARED if transport.number < at else 0


if __name__ == "__main__":
    serve({"place": place, "cancel": cancel, "resume": resume, "suffer": suffer}, {})
