"""How often something may be asked, as people write it: ``10/second; 600/minute``."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

EXPECTED = "rates such as 600/minute, or several such as 10/second; 600/minute"
MOST_RATES = 4
LARGEST_AMOUNT = 1_000_000_000
LONGEST_SECONDS = 366 * 86_400


class Rate(NamedTuple):
    """So many requests in any window of so many seconds."""

    amount: int
    seconds: int
    window: str

    def __str__(self) -> str:
        return f"{self.amount}/{self.window}"


@lru_cache(maxsize=256)
def parse(text: str) -> tuple[Rate, ...]:
    """Read rates, the shortest window first, or raise ``ValueError``; an empty text is none."""
    if not text.strip():
        return ()
    # Not at the top: it loads every storage that it knows, and few services are limited.
    from limits import parse_many

    found = [
        Rate(item.amount, item.get_expiry(), _named(item.multiples, item.GRANULARITY.name))
        for item in parse_many(text)
    ]
    windows = {rate.seconds for rate in found}
    fits = all(0 < rate.amount <= LARGEST_AMOUNT for rate in found)
    if not fits or max(windows) > LONGEST_SECONDS or not len(windows) == len(found) <= MOST_RATES:
        raise ValueError(text)
    return tuple(sorted(found, key=lambda rate: rate.seconds))


def _named(multiples: int, granularity: str) -> str:
    return granularity if multiples == 1 else f"{multiples} {granularity}s"
