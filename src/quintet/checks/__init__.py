"""What Django's check framework says about a service before it takes a single request.

Every finding has an id of its own, says what is wrong, and what to do. Importing this registers
all.
"""

from __future__ import annotations

from quintet.checks import (
    callers,
    deployment,
    idempotency,
    limits,
    routes,
    serializers,
    tasks,
    wiring,
)

__all__ = [
    "callers",
    "deployment",
    "idempotency",
    "limits",
    "routes",
    "serializers",
    "tasks",
    "wiring",
]
