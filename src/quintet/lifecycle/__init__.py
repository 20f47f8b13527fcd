"""From the start of a process to its end: what phase it is in, and what it has left."""

from __future__ import annotations

from quintet.lifecycle.ending import CUT_SHORT, at_stop, grace_seconds, tidy_up
from quintet.lifecycle.phase import begin_draining, is_draining, is_stopping
from quintet.lifecycle.recycling import recycle

__all__ = [
    "CUT_SHORT",
    "at_stop",
    "begin_draining",
    "grace_seconds",
    "is_draining",
    "is_stopping",
    "recycle",
    "tidy_up",
]
