"""What a request pays: bare Django, bare DRF, Quintet and its parts, the peer stack, a tutorial.

Each stack runs in a process of its own and takes turns with the others, so that a machine that
slows down slows all of them. Figures are CPU microseconds per request, medians of the rounds.

Run it with ``./quintet bench request-path --rounds 7 --write``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from machine import RESULTS, described
from stacks import STACKS

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = (
    "django",
    "djangorestframework",
    "orjson",
    "structlog",
    "prometheus-client",
    "opentelemetry-sdk",
    "opentelemetry-instrumentation-django",
    "django-prometheus",
    "django-structlog",
    "django-guid",
    "drf-standardized-errors",
    "django-health-check",
)
MICROSECONDS = 1e6
BASE = "drf"
SERVICE = {
    "SERVICE_NAME": "bench",
    "SERVICE_ENVIRONMENT": "test",
    "SECRET_KEY": "a bench signs nothing, and nobody is to believe what it signs",
    "ALLOWED_HOSTS": "testserver",
}


@dataclass(slots=True)
class Runner:
    """A stack that waits in its process for the next order."""

    name: str
    orders: IO[str]
    results: IO[str]
    figures: list[float] = field(default_factory=list)

    def run(self, requests: int) -> None:
        """Send the requests and note the CPU microseconds of one."""
        print(requests, file=self.orders, flush=True)
        self.figures.append(float(self.results.readline()) * MICROSECONDS)

    @property
    def median(self) -> float:
        return statistics.median(self.figures)


def main() -> None:
    """Measure, print, and write the result down when asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=2000, help="in each round, of each stack")
    parser.add_argument("--only", nargs="*", default=list(STACKS), metavar="STACK")
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    options = parser.parse_args()
    with started([BASE, *(name for name in options.only if name != BASE)]) as runners:
        for _ in range(options.rounds):
            for runner in runners:
                runner.run(options.requests)
    text = report(runners, options.rounds)
    print(text)
    if options.write:
        (RESULTS / "request_path.md").write_text(text, encoding="utf-8")


@contextmanager
def started(names: list[str]) -> Iterator[list[Runner]]:
    """Start every stack, and end all of them."""
    with ExitStack() as stack:
        scratch = Path(tempfile.mkdtemp(prefix="quintet-bench-"))
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        runners = [stack.enter_context(running(name, scratch)) for name in names]
        for runner in runners:
            if runner.results.readline() != "ready\n":
                log = (scratch / f"{runner.name}.log").read_text(errors="replace")
                raise SystemExit(f"{runner.name} did not start:\n{log[-4000:]}")
        yield runners


@contextmanager
def running(name: str, scratch: Path) -> Iterator[Runner]:
    """Run one stack in a process of its own."""
    (scratch / name).mkdir()
    counted = {"PROMETHEUS_MULTIPROC_DIR": str(scratch / name)}
    environ = {**os.environ, **SERVICE, **counted, **STACKS[name].environ}
    here, there = os.pipe(), os.pipe()
    with (scratch / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "stacks.worker", name, str(here[0]), str(there[1])],
            cwd=Path(__file__).parent,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(here[0], there[1]),
        )
    os.close(here[0])
    os.close(there[1])
    with os.fdopen(here[1], "w") as orders, os.fdopen(there[0]) as results:
        yield Runner(name=name, orders=orders, results=results)
    process.wait(timeout=30)


def report(runners: list[Runner], rounds: int) -> str:
    """Render the table; what is added is added to bare DRF."""
    base = next(runner.median for runner in runners if runner.name == BASE)
    rows = [
        "# What a request pays",
        "",
        described(*PACKAGES),
        f"CPU microseconds of one request for a trivial endpoint, in process; {rounds} rounds.",
        "",
        "| stack | µs | added to bare DRF | lowest | highest |",
        "|---|---|---|---|---|",
    ]
    for runner in runners:
        spread = f"{min(runner.figures):.1f} | {max(runner.figures):.1f}"
        added = runner.median - base
        rows.append(
            f"| {STACKS[runner.name].label} | {runner.median:.1f} | {added:+.1f} | {spread} |"
        )
    return "\n".join([*rows, ""])


if __name__ == "__main__":
    main()
