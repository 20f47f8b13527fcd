"""Room in a file, asked for before it is written to.

A write to a mapped hole that the disk cannot fill ends a process with SIGBUS. A disk that is full
when the room is asked for is an ``OSError``, which somebody can catch.
"""

from __future__ import annotations

import os


def reserve(file: int, size: int) -> None:
    """Make ``file`` at least ``size`` bytes long, with every byte of it on the disk."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:  # macOS has no such call, and is no place to run a service
        os.ftruncate(file, size)
