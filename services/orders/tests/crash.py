"""Run as a process that may be killed: `crash.py DEED|resume WORLD [REQUEST-THAT-KILLS]`."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import UUID

import django

if __name__ == "__main__":
    django.setup()
    # Django has to be ready before anything with models is imported.
    from django.utils import timezone
    from world import World

    from orders import domain
    from quintet.clients import use_transport

    deed, world, *killed = sys.argv[1:]
    faults = {int(number): "kill after" for number in killed}
    with use_transport(World(Path(world), faults=faults)):
        if deed == "resume":
            domain.resume(before=timezone.now())
        else:
            domain.place(
                deed=UUID(deed),
                user_id=7,
                wishes=[domain.Wish(product_id=1, quantity=2)],
                payment_method="card-ok",
            )
