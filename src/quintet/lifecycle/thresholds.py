"""When a reading has gone too far, and when it is back: said once each."""

from __future__ import annotations

import enum
from dataclasses import dataclass

LOOKS = 3
"""In a row, before something is believed: one look may have met a moment."""

BACK_PERCENT = 5.0


class Change(enum.Enum):
    """What a reading has made of a threshold."""

    NONE = "none"
    ABOVE = "above"
    BACK = "back"


@dataclass(slots=True, kw_only=True)
class Threshold:
    """Passed after ``looks`` readings at or above ``percent``, left ``back_percent`` below it."""

    percent: float
    looks: int = LOOKS
    back_percent: float = BACK_PERCENT
    is_above: bool = False
    _seen: int = 0

    def look(self, percent: float) -> Change:
        """Judge one reading."""
        if self.is_above:
            if percent >= self.percent - self.back_percent:
                return Change.NONE
            self.is_above = False
            return Change.BACK
        self._seen = self._seen + 1 if percent >= self.percent else 0
        if self._seen < self.looks:
            return Change.NONE
        self.is_above, self._seen = True, 0
        return Change.ABOVE
