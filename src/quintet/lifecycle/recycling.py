"""A fresh process in the place of this one, for what only an end cures: memory that is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_offers: list[Callable[[], object]] = []


def offer(replace: Callable[[], object]) -> None:
    """Say how this process is replaced; called by the server that runs it."""
    _offers[:] = [replace]


def recycle() -> bool:
    """Ask for it, and go on meanwhile; ``False`` where nobody would put another one in its place.

    The new process serves before this one stops, and what this one has in flight is finished.
    """
    for replace in _offers:
        replace()
    return bool(_offers)
