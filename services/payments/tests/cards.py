"""References under which a silent card does, or does not do, what it was told."""

from __future__ import annotations

import itertools

from payments.clients import Deed, Instruction
from payments.clients.simulator import gets_lost


def told(deed=Deed.AUTHORISE, reference="order-1", **changes):
    values = {"amount": 100, "currency": "EUR", "method": "card-ok", **changes}
    return Instruction(deed=deed, reference=reference, **values)


def reference(deed, *, lost):
    """Find a reference whose instruction gets lost, or one whose answer does."""
    names = (f"order-{number}" for number in itertools.count())
    return next(name for name in names if gets_lost(told(deed, name)) is lost)
