"""How long a stranger waits: ``./quintet up`` in fresh clones, cold and warm, and memory at rest.

Cold: a fresh clone, an empty home, so uv and every wheel are downloaded and the databases are made.
Warm: the same clone once more, after ``down``.

Run it from the repository's root: ``python bench/start.py --rounds 3 --write``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "bench" / "results" / "start.md"
MEBIBYTE = 1024 * 1024
FIGURES = {"cold": 60.0, "warm": 15.0, "memory": 1200.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One clone: seconds of the first and of the second start, MiB (PSS) at rest."""

    cold: float
    warm: float
    memory: float


def main() -> None:
    """Measure, print, and write the result down when asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    options = parser.parse_args()
    rounds = [measure() for _ in range(options.rounds)]
    text = report(rounds)
    print(text)
    if options.write:
        RESULT.write_text(text, encoding="utf-8")


def measure() -> Round:
    """Start a fresh clone twice."""
    with tempfile.TemporaryDirectory(prefix="quintet-bench-") as scratch:
        clone, home = Path(scratch) / "clone", Path(scratch) / "home"
        home.mkdir()
        subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
        try:
            cold, _ = start(clone, home)
            quintet(clone, home, "down")
            warm, memory = start(clone, home)
        finally:
            quintet(clone, home, "down")
    return Round(cold=cold, warm=warm, memory=memory)


def start(clone: Path, home: Path) -> tuple[float, float]:
    """Bring the system up; return the seconds until it was ready, and its memory."""
    began = time.monotonic()
    status = json.loads(quintet(clone, home, "up", "--detach", "--json"))
    return time.monotonic() - began, status["memory_bytes"] / MEBIBYTE


def quintet(clone: Path, home: Path, *arguments: str) -> str:
    """Run the launcher with an empty environment."""
    return subprocess.run(
        ["./quintet", *arguments],
        cwd=clone,
        env={"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def report(rounds: list[Round]) -> str:
    """Render the table with the machine that it came from."""
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.release()}"
    described = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(described, capture_output=True, text=True, check=True).stdout.strip()
    rows = [
        "# From a fresh clone to a running system",
        "",
        f"{machine}, Python {platform.python_version()}, {len(rounds)} rounds.",
        f"Versions: those of `uv.lock` at commit {commit}.",
        "Cold holds the download of uv and of every wheel, so it depends on the network.",
        "Memory is the proportional set size (PSS) of every process of the system at rest.",
        "",
        "| | median | lowest | highest | to reach |",
        "|---|---|---|---|---|",
    ]
    for name, unit in {"cold": "s", "warm": "s", "memory": "MiB"}.items():
        values = [getattr(one, name) for one in rounds]
        spread = f"{min(values):.1f} | {max(values):.1f}"
        reach = f"≤ {FIGURES[name]:g} {unit}"
        rows.append(f"| {name} | {statistics.median(values):.1f} {unit} | {spread} | {reach} |")
    return "\n".join([*rows, ""])


if __name__ == "__main__":
    main()
