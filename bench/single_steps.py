"""Single steps of a request beside what others would take for them: ``bench/request_path.py``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from figures import Figure

from quintet.embedded.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Steps = Mapping[str, Mapping[str, float]]

TO_REACH = {"access line": 4.0, "rate limit": 110.0}
OF_FLOOR = 4.0 / 0.88
"""What an access line may take of its floor, as both were measured when the bound was set."""


def measured(service: Mapping[str, str], scratch: Path) -> Steps:
    """Time the steps in a process of their own, beside a Valkey of their own."""
    valkey = Valkey(scratch / "valkey", durable=False)
    valkey.start()
    reader, writer = os.pipe()
    try:
        with (scratch / "steps.log").open("wb") as log:
            subprocess.run(
                [sys.executable, "-m", "steps.worker", str(writer)],
                cwd=Path(__file__).parent,
                env={**os.environ, **service, "CACHE_URL": valkey.url()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                pass_fds=(writer,),
                check=True,
            )
    finally:
        os.close(writer)
        valkey.stop()
    with os.fdopen(reader) as results:
        found: Steps = json.load(results)
    return found


def table(found: Steps) -> Iterator[str]:
    """One row for each contender of each step; the first one is ours."""
    yield "| step | | µs | of ours |"
    yield "|---|---|---|---|"
    for step, contenders in found.items():
        ours = next(iter(contenders.values()))
        for label, micros in contenders.items():
            yield f"| {step} | {label} | {micros:.1f} | {micros / ours:.1f} |"


def figures(found: Steps) -> Iterator[Figure]:
    """What our own steps were to reach."""
    for step, most in TO_REACH.items():
        micros = list(found.get(step, {}).values())
        if micros:
            yield Figure(f"one {step}", micros[0], at_most=most, unit="µs")
        if micros and step == "access line":
            of_floor = micros[0] / micros[-1]
            yield Figure("the same, of orjson and one write", of_floor, at_most=OF_FLOOR)
