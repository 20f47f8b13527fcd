"""From the start of a process to its end: what phase it is in, and what it has left."""

from __future__ import annotations

from quintet.lifecycle.phase import begin_draining, is_draining

__all__ = ["begin_draining", "is_draining"]
