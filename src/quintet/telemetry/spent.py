"""How long a request has waited for other services.

Added up beside the debug lines that are kept for it, so that nothing more is bound per request.
"""

from __future__ import annotations

from quintet.telemetry import buffering


class Spent:
    """Added up by whoever waits. There is no lock: two tasks of a request may lose a moment."""

    __slots__ = ("calls", "seconds")

    def __init__(self) -> None:
        self.calls = 0
        self.seconds = 0.0


def on_call(seconds: float) -> None:
    """Account for one call of the request that runs here, if one does."""
    buffer = buffering.current()
    if buffer is None:
        return
    if buffer.spent is None:
        buffer.spent = Spent()
    buffer.spent.calls += 1
    buffer.spent.seconds += seconds
