"""When a worker that has grown too large may ask for a successor: its server does the rest.

Not all of them, and not too often: what is not the workers' fault is not mended by new workers.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from quintet.lifecycle.recycling import recycle
from quintet.lifecycle.turns import Turn, shared_folder
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INTERVAL_SECONDS = 300.0
STAMP = "succession.at"

log = get_logger("quintet.lifecycle")


class Succession:
    """Whether this process has asked; it keeps the turn until it has ended, and asks once."""

    def __init__(self, folder: Path | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.asked = False
        self._folder = folder
        self._clock = clock
        self._turn = Turn("succession", folder)

    def ask(self, reason: str) -> bool:
        """Ask to be replaced, for a ``reason`` that the log names; whether that is done now."""
        if self.asked or not self._turn.take():
            return False
        if self._is_too_soon() or not recycle():
            self._turn.give_back()
            return False
        self.asked = True
        log.warning("worker asks to be replaced", reason=reason, pid=os.getpid())
        if self._folder is not None:
            (self._folder / STAMP).write_text(str(self._clock()))
        return True

    def _is_too_soon(self) -> bool:
        """Whether another worker asked a moment ago. A clock that is set does not matter."""
        if self._folder is None:
            return False
        try:
            since = self._clock() - float((self._folder / STAMP).read_text())
        except (OSError, ValueError):
            return False
        return 0 <= since < INTERVAL_SECONDS  # a later time is one before the machine was started


class _Current:
    """The one of this process, made when it is first needed there."""

    succession: Succession | None = None


def ask(reason: str) -> bool:
    """Ask for a successor of this process, in its turn."""
    if _Current.succession is None:
        _Current.succession = Succession(shared_folder())
    return _Current.succession.ask(reason)


def _forget() -> None:
    _Current.succession = None


os.register_at_fork(after_in_child=_forget)
