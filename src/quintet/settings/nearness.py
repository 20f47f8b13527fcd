"""Names that were probably meant: ``DATABSE_URL`` where ``DATABASE_URL`` is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORTEST_NAME = 6
LONG_NAME = 9


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that is a slip of the keyboard away from ``name``, if there is one.

    Short names are left alone: from ``HOST`` to ``POST`` may be a slip or an intention.
    """
    plain = _plain(name)
    if len(plain.removesuffix("FILE")) < SHORTEST_NAME:
        return None
    allowed = 2 if len(plain) >= LONG_NAME else 1
    found = [
        (distance, candidate)
        for candidate in sorted(candidates)
        if (distance := slips(plain, _plain(candidate), limit=allowed)) <= allowed
    ]
    return min(found)[1] if found else None


def slips(left: str, right: str, *, limit: int) -> int:
    """Count the letters added, lost, changed or swapped between two words, up to ``limit`` + 1."""
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        before, last, row = row, before, [i]
        for j, other in enumerate(right, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            swapped = i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == other
            row.append(min(best, last[j - 2] + 1) if swapped else best)
    return row[-1]


def _plain(name: str) -> str:
    return name.upper().replace("_", "").replace("-", "").replace(".", "")
