"""The restart test of ``bench/servers.py``, with the pairs and the load of the journeys."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from machine import ROOT

sys.path.insert(0, str(ROOT / "journeys"))

import load
import pairs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PER_SECOND = 100
CALLS = (
    load.Call(path="/api/v1/sleep/5/"),
    load.Call(path="/api/v1/rows/", method="POST", body='{"name": "row {n}"}'),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted:
    """What became of the requests, and of the processes."""

    asked: int
    failed: int
    p99_ms: float
    exit_codes: list[int]


def all_of(scratch: Path, *, times: int) -> dict[str, Restarted]:
    """Restart a pair behind each server, and the stock stack."""
    found = {}
    for server in ("gunicorn", "granian"):
        with pairs.ours(scratch, STAGE_SERVER=server, STAGE_CLIENT_SHARE="1") as pair:
            found[f"{server}, as `quintet serve` runs it"] = restarted(pair, times)
    with pairs.stock(scratch) as control:
        found["gunicorn gthread with stock Django and DRF"] = restarted(control, times)
    return found


def restarted(pair: pairs.Pair, times: int) -> Restarted:
    """Restart both members so many times while they are asked."""
    asked = load.Load(
        address=pair.address(),
        calls=CALLS,
        per_second=PER_SECOND,
        seconds=load.MOST_SECONDS,
        timeout_seconds=10,
        keep_alive=True,
    )
    with load.running(asked) as making:
        time.sleep(1)
        codes = [code for _ in range(times) for code in pair.restart()]
        time.sleep(1)
        making.stop()
        outcomes = making.outcomes()
    return Restarted(
        asked=len(outcomes),
        failed=sum(not one.ok for one in outcomes),
        p99_ms=load.percentile(outcomes, 99) * 1000,
        exit_codes=codes,
    )


def table(found: Mapping[str, Restarted]) -> Iterator[str]:
    """One row for each pair."""
    yield "| server | restarts | failed | of | p99 ms | exit codes |"
    yield "|---|---|---|---|---|---|"
    for label, one in found.items():
        codes = ", ".join(str(code) for code in sorted(set(one.exit_codes)))
        yield (
            f"| {label} | {len(one.exit_codes)} | {one.failed} | {one.asked} "
            f"| {one.p99_ms:.0f} | {codes} |"
        )
