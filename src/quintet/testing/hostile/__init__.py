"""What strangers send: requests that a service has to refuse, or answer, and to survive.

They are bytes for a socket, since no library would send most of them. The same seed makes the
same requests, so that a failure is found again by its name.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from quintet.testing.hostile.making import Maker, Target
from quintet.testing.hostile.wire import Reply, exchange

__all__ = ["Hostile", "Reply", "Target", "exchange", "requests"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """One request as it goes over the wire."""

    name: str
    data: bytes


def requests(target: Target, *, seed: int = 1) -> list[Hostile]:
    """All of them, more than eight hundred."""
    made = Maker(target)
    families = {
        "path": made.paths(),
        "query": made.queries(),
        "json": made.bodies(),
        "type": made.typed(),
        "form": made.forms(),
        "header": made.headers(),
        "identity": made.identities(),
        "condition": made.conditions(),
        "framing": made.framings(),
        "method": made.methods(),
        "flood": made.floods(),
        "mutation": made.mutations(random.Random(seed)),  # noqa: S311 - nothing is hidden by it
    }
    return [
        Hostile(name=f"{family}-{number}", data=data)
        for family, several in families.items()
        for number, data in enumerate(several)
    ]
