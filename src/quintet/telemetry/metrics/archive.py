"""One page for what all dead processes have counted, instead of one for each of them.

Behind the numbers of such a page stands which pages it has taken in, older ones of its own sort
among them. So the one moment at which it gets its name is the moment at which they no longer
count, whether or not whoever did that lived to remove them.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

import orjson

from quintet.telemetry.logs import get_logger
from quintet.telemetry.metrics.content import content, keys, rest
from quintet.telemetry.metrics.pages import HEAD_BYTES, UNFINISHED, entry, head
from quintet.telemetry.metrics.series import OVERFLOW
from quintet.telemetry.metrics.sums import mode_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from quintet.telemetry.metrics.breath import Breath

    Number = tuple[float, float]  # a value, and the time it was set at

MOST_KEYS = 50_000
"""How many numbers of dead processes are told apart, for each kind."""
SLICE = 256

_LAST_BITS = 2.0**-50  # more than what is lost where two numbers are added

log = get_logger("quintet.telemetry")


def absorbed(page: Path) -> frozenset[str]:
    """The names of the pages that ``page`` has taken in, and that may still be there."""
    behind = rest(page)
    return frozenset(orjson.loads(behind)) if behind.startswith(b"[") else frozenset()


def absorb(pages: Sequence[Path], into: Path, *, kind: str, breath: Breath) -> None:
    """Take ``pages`` into a new one, all at once or not at all."""
    numbers = _folded(_joined(pages, mode=mode_of(kind), breath=breath), kind)
    written = b"".join(entry(key, *number) for key, number in numbers.items())
    names = orjson.dumps([page.name for page in pages])
    unfinished = into.with_suffix(UNFINISHED)
    unfinished.write_bytes(head(HEAD_BYTES + len(written)) + written + names)
    # To a name that is free: to replace a file, some file systems first write the new one to disk.
    unfinished.rename(into)


def _joined(pages: Sequence[Path], *, mode: str, breath: Breath) -> dict[bytes, Number]:
    join = _JOIN[mode]
    joined: dict[bytes, Number] = {}
    for page in pages:
        found = content(page)
        if found is None:
            continue
        numbers = found.numbers
        try:
            for count, (key, place) in enumerate(keys(found.written, HEAD_BYTES)):
                number, known = (numbers[place], numbers[place + 1]), joined.get(key)
                joined[key] = number if known is None else join(known, number)
                if count % SLICE == 0:
                    breath()
        except ValueError:
            log.exception("a page of metrics is broken", page=page.name)
    return joined


def _folded(numbers: dict[bytes, Number], kind: str) -> dict[bytes, Number]:
    """Let the label sets beyond the limit share one: dead processes are many, and memory is not."""
    if len(numbers) <= MOST_KEYS:
        return numbers
    join = _JOIN[mode_of(kind)]
    kept = dict(islice(numbers.items(), MOST_KEYS))
    for key, number in islice(numbers.items(), MOST_KEYS, None):
        family, name, labels, about = orjson.loads(key)
        shared = {label: labels[label] if label == "le" else OVERFLOW for label in labels}
        common = json.dumps([family, name, shared, about], sort_keys=True).encode()
        known = kept.get(common)
        kept[common] = number if known is None else join(known, number)
    return kept


def _sum(one: Number, other: Number) -> Number:
    """Whole numbers exactly, others a little more: a counter must not fall, not by its last bit."""
    total = one[0] + other[0]
    whole = one[0].is_integer() and other[0].is_integer()
    return total if whole else total + abs(total) * _LAST_BITS, 0.0


def _later(one: Number, other: Number) -> Number:
    return max(one, other, key=lambda number: number[1])


_JOIN: dict[str, Callable[[Number, Number], Number]] = {
    "sum": _sum,
    "min": min,
    "max": max,
    "mostrecent": _later,
}
