"""What has to be done when a process ends, and how long the whole end of a service may take.

Whoever keeps something that must not be lost says here how to put it down: buffered spans, lines
of a log, connections. The process that ends calls all of them, whichever server it belongs to.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

TIDY_SECONDS = 2.0
"""What all that was registered may take together, in a worker and once more in its master."""

SLACK_SECONDS = 1.0

CUT_SHORT = 75
"""The exit code when requests were still unfinished at the end: EX_TEMPFAIL, try again."""

log = get_logger("quintet.lifecycle")

_tidying: list[Callable[[float], object]] = []


def at_stop(tidy: Callable[[float], object]) -> Callable[[float], object]:
    """Have ``tidy`` called when this process ends, with the seconds that it may take.

    Those that were registered last come first. A forked process does what was registered before.
    """
    if tidy not in _tidying:
        _tidying.append(tidy)
    return tidy


def tidy_up(seconds: float = TIDY_SECONDS) -> bool:
    """Call everything that is registered, once; return whether all of it ended in time.

    It runs in a thread of its own: what hangs there, on a dead collector, does not hold up the end.
    """
    ends_at = time.monotonic() + seconds
    worker = threading.Thread(target=_tidy_until, args=(ends_at,), name="tidying", daemon=True)
    worker.start()
    worker.join(seconds)
    if worker.is_alive():
        log.warning("the end was not tidy", reason="timeout", seconds=seconds)
    return not worker.is_alive()


def grace_seconds(*, drain_seconds: float, shutdown_seconds: float) -> int:
    """How long a service takes to end at most: what its platform has to give it after SIGTERM."""
    return math.ceil(drain_seconds + shutdown_seconds + 2 * TIDY_SECONDS + SLACK_SECONDS)


def _tidy_until(ends_at: float) -> None:
    while _tidying:
        tidy = _tidying.pop()
        try:
            tidy(max(0.0, ends_at - time.monotonic()))
        except Exception as error:
            log.warning("the end was not tidy", exc_info=error)
