"""How long a peer may let us wait for what it sends: a start, and then a pace.

A client that sends one byte now and then never goes silent, so a time-out per read does not end
it. Only time spent waiting counts: what the service does between two reads is not the client's.
"""

from __future__ import annotations

START_SECONDS = 10.0
PACE_BYTES_PER_SECOND = 16 * 1024


class Patience:
    """The time that is left for one body: it wears off while we wait, and grows with what comes.

    At a ``pace`` of infinity it does not grow: all has to be there in time.
    """

    __slots__ = ("_left", "_pace", "_start")

    def __init__(
        self, start_seconds: float = START_SECONDS, *, pace: float = PACE_BYTES_PER_SECOND
    ) -> None:
        self._start = self._left = start_seconds
        self._pace = pace

    @property
    def seconds(self) -> float:
        """How long the next wait may take; not more than 0 when the patience is at its end."""
        return self._left

    def account(self, waited_seconds: float, received_bytes: int) -> None:
        """Take what was waited for, and give back for what has come: at most what there was."""
        earned = received_bytes / self._pace
        self._left = min(self._start, self._left - waited_seconds + earned)
