"""What a process gives up when memory is short: what it keeps for itself and can make again.

Nothing that others share is ever touched. Emptying a shared cache would free no byte here, and
take sessions, locks and other services' work with it.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.utils.module_loading import import_string

from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

log = get_logger("quintet.lifecycle")

_relieving: list[Callable[[], object]] = []


def on_memory_pressure(relieve: Callable[[], object]) -> Callable[[], object]:
    """Have ``relieve`` called when memory is short; it drops only what this process alone has."""
    if relieve not in _relieving:
        _relieving.append(relieve)
    return relieve


def relieve() -> None:
    """Give up all that is registered, and collect what nobody refers to."""
    for each in _relieving:
        try:
            each()
        except Exception as error:
            log.warning("nothing was given up", exc_info=error)
    gc.collect()


@on_memory_pressure
def drop_local_caches() -> None:
    """Empty the caches of Django that live in this process; every other kind is left alone."""
    for alias, given in caches.settings.items():
        if issubclass(import_string(given["BACKEND"]), LocMemCache):
            caches[alias].clear()
