"""What a request pays: bare Django, bare DRF, Quintet and its parts, the peer stack, a tutorial.

Each stack runs in a process of its own. In process, figures are CPU microseconds of one request;
each turn of a stack follows one of bare DRF, and what it adds is the median of these differences,
so that a machine that is slower now than it was slows both. Over a server they are answers per
second, in turns.

Run it with ``./quintet bench request-path --write``.
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

import closed_loop
import over_server
import single_steps
from figures import Figure, judged

from machine import RESULTS, described
from stacks import STACKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from closed_loop import Measured

PACKAGES = (
    "django",
    "djangorestframework",
    "gunicorn",
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
BARE_MICROS = 114
"""What bare DRF took where the bounds in microseconds were set: a slower machine slows both."""
SERVED = ["drf", "quintet", "quintet-0", "quintet-1", "peers", "peers-1", "naive"]
SERVICE = {
    "SERVICE_NAME": "bench",
    "SERVICE_ENVIRONMENT": "test",
    "SECRET_KEY": "a bench signs nothing, and nobody is to believe what it signs",
    "ALLOWED_HOSTS": "testserver,127.0.0.1",
}


@dataclass(slots=True)
class Runner:
    """A stack that waits in its process for the next order."""

    name: str
    orders: IO[str]
    results: IO[str]
    figures: list[float] = field(default_factory=list)
    differences: list[float] = field(default_factory=list)

    def run(self, requests: int) -> None:
        """Send the requests and note the CPU microseconds of one."""
        print(requests, file=self.orders, flush=True)
        self.figures.append(float(self.results.readline()) * MICROSECONDS)

    def run_after(self, base: Runner, requests: int) -> None:
        """Let the base run and then this one, and note what this one takes longer."""
        base.run(requests)
        self.run(requests)
        self.differences.append(self.figures[-1] - base.figures[-1])

    def forget(self) -> None:
        """Drop what has been noted."""
        self.figures.clear()
        self.differences.clear()

    @property
    def median(self) -> float:
        return statistics.median(self.figures)

    @property
    def added(self) -> float:
        """What it adds to bare DRF, which adds nothing to itself."""
        return statistics.median(self.differences) if self.differences else 0.0


def main() -> None:
    """Measure, print, and write the result down when asked to."""
    options = parsed()
    names = [BASE, *(name for name in options.only if name != BASE)]
    served = [name for name in SERVED if name in names]
    with ExitStack() as stack:
        scratch = Path(tempfile.mkdtemp(prefix="quintet-bench-"))
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        with started(names, scratch) as runners:
            base, *others = runners
            for runner in others:  # the first turn warms
                runner.run_after(base, options.requests)
                runner.forget()
            base.forget()
            for _ in range(options.rounds):
                for runner in others:
                    runner.run_after(base, options.requests)
        steps = single_steps.measured(SERVICE, scratch)
        load = {"times": 9, "seconds": options.seconds}
        answered = {
            threads: over_server.rounds(served, SERVICE, scratch, threads=threads, **load)
            for threads in (True, False)
        }
    text = report(runners, answered, steps)
    print(text)
    if options.write:
        (RESULTS / "request_path.md").write_text(text, encoding="utf-8")


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="bench request-path", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--requests", type=int, default=500, help="in each round, of each stack")
    parser.add_argument("--seconds", type=int, default=2, help="of load in each round")
    parser.add_argument("--only", nargs="*", default=list(STACKS), metavar="STACK")
    parser.add_argument("--write", action="store_true", help="keep the tables in results/")
    return parser.parse_args()


@contextmanager
def started(names: list[str], scratch: Path) -> Iterator[list[Runner]]:
    """Start every stack, and end all of them."""
    with ExitStack() as stack:
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


def report(
    runners: list[Runner],
    answered: Mapping[bool, Mapping[str, list[Measured]]],
    steps: single_steps.Steps,
) -> str:
    """Render the tables."""
    rows = [
        "# What a request pays",
        "",
        described(*PACKAGES),
        "",
        "## In process",
        "",
        f"CPU microseconds of a request for a trivial endpoint; {len(runners[-1].figures)} rounds.",
        "",
        *in_process(runners),
        "",
        "## Over a server with threads",
        "",
        f"{over_server.described(threads=True)}; {closed_loop.maker()} loads the same machine.",
        "",
        *served(answered[True]),
        "",
        "## Over a server without threads",
        "",
        f"{over_server.described(threads=False)}; the same load.",
        "",
        *served(answered[False]),
        "",
        "## Single steps",
        "",
        "CPU microseconds of one step, in one process with all contenders.",
        "",
        *single_steps.table(steps),
        "",
        "## What was to be reached",
        "",
        *judged(
            [
                *in_process_figures(runners),
                *served_figures(answered[True], "with"),
                *served_figures(answered[False], "without"),
                *single_steps.figures(steps),
            ]
        ),
    ]
    return "\n".join([*rows, ""])


def in_process(runners: list[Runner]) -> Iterator[str]:
    """One row for each stack; what is added is added to bare DRF."""
    yield "| stack | µs | added to bare DRF | lowest | highest |"
    yield "|---|---|---|---|---|"
    for one in runners:
        spread = f"{min(one.figures):.1f} | {max(one.figures):.1f}"
        yield f"| {STACKS[one.name].label} | {one.median:.1f} | {one.added:+.1f} | {spread} |"


def served(answered: Mapping[str, list[Measured]]) -> Iterator[str]:
    """One row for each stack that was asked over a server."""
    yield "| stack | answers/s | of bare DRF | p50 ms | p99 ms |"
    yield "|---|---|---|---|---|"
    for name, found in answered.items():
        p50, p99 = (statistics.median(getattr(one, cut) for one in found) for cut in ("p50", "p99"))
        per_second = statistics.median(one.per_second for one in found)
        ratio = relation(found, answered[BASE])
        label = STACKS[name].label
        yield f"| {label} | {per_second:.0f} | {ratio:.2f} | {p50:.2f} | {p99:.1f} |"


def relation(found: list[Measured], to: list[Measured]) -> float:
    """The median of the ratios of answers per second, round by round."""
    return statistics.median(
        one.per_second / other.per_second for one, other in zip(found, to, strict=True)
    )


def in_process_figures(runners: list[Runner]) -> Iterator[Figure]:
    """What the costs became; those of stacks that were left out are absent."""
    added = {one.name: one.added for one in runners}
    bare = runners[0].median
    for name, label, most in (
        ("quintet", "everything on, added to bare DRF", 30),
        ("quintet-0", "with a span, unsampled, added to bare DRF", 45),
        ("quintet-1", "with a span, sampled, added to bare DRF", 65),
    ):
        if name in added:
            yield Figure(label, added[name], at_most=most, unit="µs")
            share = added[name] / bare
            yield Figure("the same, as a part of bare DRF", share, at_most=most / BARE_MICROS)
    if {"quintet", "peers"} <= added.keys():
        share = added["quintet"] / added["peers"]
        yield Figure("added, of what the peer stack adds", share, at_most=1 / 8)


def served_figures(answered: Mapping[str, list[Measured]], threads: str) -> Iterator[Figure]:
    """What the answers of a server ``with`` or ``without`` threads became."""
    server = f"over a server {threads} threads"
    if "quintet" in answered:
        of_bare = relation(answered["quintet"], answered[BASE])
        yield Figure(f"answers {server}, of bare DRF", of_bare, at_least=0.85)
    if {"quintet", "peers-1"} <= answered.keys():
        of_peers = relation(answered["quintet"], answered["peers-1"])
        yield Figure(f"answers {server}, of the peer stack, traced", of_peers, at_least=2.4)
    if {"quintet-1", "peers-1"} <= answered.keys():
        of_peers = relation(answered["quintet-1"], answered["peers-1"])
        yield Figure(f"answers {server}, both traced, of the peer stack", of_peers, at_least=2.4)


if __name__ == "__main__":
    main()
