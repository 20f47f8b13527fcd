"""Ends what a killed supervisor leaves behind; a script that needs only the standard library.

It reads ``+pid`` and ``-pid`` lines from the supervisor, until the pipe closes because the
supervisor ended, whatever ended it. Unless it said ``bye`` before, every process group still
listed is interrupted, and killed three seconds later.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PATIENCE_SECONDS = 3.0
INTERVAL_SECONDS = 0.05


def follow(lines: Iterable[str]) -> set[int]:
    """Return the groups that are left when the lines end; none after a ``bye``."""
    groups: set[int] = set()
    for line in lines:
        word = line.strip()
        if word == "bye":
            return set()
        if word.startswith("+"):
            groups.add(int(word[1:]))
        elif word.startswith("-"):
            groups.discard(int(word[1:]))
    return groups


def end(groups: set[int]) -> None:
    """Interrupt the groups, and kill those that are still there when the patience is over."""
    left = {group for group in groups if _signal(group, signal.SIGINT)}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left and time.monotonic() < deadline:
        time.sleep(INTERVAL_SECONDS)
        left = {group for group in left if _signal(group, 0)}
    for group in left:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    end(follow(sys.stdin))
