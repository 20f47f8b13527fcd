"""``quintet test``: every part of the repository, each in a pytest process of its own.

One process per part, because Django's settings can be named only once in a process: a single
process over all services would look green and test none of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import click

from quintet.testing.servers import shared_servers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

AT_ONCE = 3
"""More than the cores of a small machine: most tests wait for a process of their own."""

APART = {
    "tools": ("cli", "embedded", "fleet", "server", "testing"),
    "house": ("house",),
}
"""Folders below ``tests`` that start processes, and so take long; the rest is the chassis."""

COVERED_PERCENT = 95

HUNG_SECONDS = 900
"""A test that takes longer hangs: where it stands is printed, and its part fails."""

INTERRUPTED_SECONDS = 60
"""How long tests may take to clean up when they are interrupted."""

FIGURES = "figures-*.md"
"""What the journeys measured: each part leaves it among the reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A folder whose tests run in one pytest process."""

    name: str
    directory: Path
    arguments: tuple[str, ...] = ()
    alone: bool = False
    """Whether it measures, and so has the machine for itself: it runs when all others are over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one part's pytest process reported."""

    part: str
    exit_code: int
    passed: int
    failed: int
    skipped: int
    seconds: float
    log: str

    @property
    def ok(self) -> bool:
        """Whether every test ran and passed: nothing failed, and something was there to run."""
        return self.exit_code == 0 and self.failed == 0 and self.passed > 0


def parts(root: Path) -> dict[str, Part]:
    """Name every part below ``root``, the slowest first."""
    services = [
        Part(name=folder.name, directory=folder)
        for folder in sorted((root / "services").iterdir())
        if (folder / "pyproject.toml").is_file()
    ]
    return {part.name: part for part in (*_journeys(root), *_own(root), *services)}


def _journeys(root: Path) -> list[Part]:
    """Tell apart what walks and what measures, which the marker ``alone`` says."""
    folder = root / "journeys"
    if not any("alone" in path.read_text(encoding="utf-8") for path in folder.glob("*.py")):
        return [Part(name="journeys", directory=folder)]
    return [
        Part(name="journeys", directory=folder, arguments=("-m", "not alone")),
        Part(name="faults", directory=folder, arguments=("-m", "alone"), alone=True),
    ]


def _own(root: Path) -> list[Part]:
    folders = {
        name: tuple(f"tests/{folder}" for folder in names if (root / "tests" / folder).is_dir())
        for name, names in APART.items()
    }
    found = [
        Part(name=name, directory=root, arguments=paths) for name, paths in folders.items() if paths
    ]
    elsewhere = tuple(f"--ignore={path}" for paths in folders.values() for path in paths)
    return [*found, Part(name="chassis", directory=root, arguments=("tests", *elsewhere))]


def counts(report: Path) -> tuple[int, int, int]:
    """Read passed, failed and skipped from a JUnit XML report; a missing report counts nothing."""
    if not report.is_file():
        return 0, 0, 0
    suite = ET.parse(report).getroot().find("testsuite")  # noqa: S314 - pytest wrote it just now
    if suite is None:
        return 0, 0, 0
    tests, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    return tests - failed - skipped, failed, skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What all parts share: where reports go, the environment, and how pytest is called."""

    reports: Path
    environ: Mapping[str, str]
    runner: tuple[str, ...]
    extra: tuple[str, ...]


def run(part: Part, plan: Plan) -> Outcome:
    """Run one part and keep its output beside its report."""
    report, log = plan.reports / f"{part.name}.xml", plan.reports / f"{part.name}.log"
    report.unlink(missing_ok=True)
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*plan.runner, f"--junit-xml={report}", *part.arguments, *plan.extra],
            cwd=part.directory,
            env={**plan.environ, "QUINTET_TEST_PART": part.name},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        exit_code = _ended(process)
    passed, failed, skipped = counts(report)
    return Outcome(
        part=part.name,
        exit_code=exit_code,
        passed=passed,
        failed=failed,
        skipped=skipped,
        seconds=round(time.monotonic() - began, 1),
        log=str(log),
    )


def _ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end; Ctrl-C reaches the tests as well, and they end what they have started."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.wait(INTERRUPTED_SECONDS)
        raise
    finally:
        process.kill()


def run_all(chosen: list[Part], plan: Plan) -> Iterable[Outcome]:
    """Run the parts, a few at a time, and give each outcome as soon as it is there."""
    with shared_servers(plan.reports) as urls, ThreadPoolExecutor(AT_ONCE) as pool:
        shared = replace(plan, environ={**plan.environ, **urls})
        running = [pool.submit(run, part, shared) for part in chosen if not part.alone]
        for future in as_completed(running):
            yield future.result()
        for part in chosen:
            if part.alone:
                yield run(part, shared)


def describe(outcome: Outcome) -> str:
    """One line for a finished part."""
    mark = "✓" if outcome.ok else "✗"
    return (
        f"{mark} {outcome.part:<12} {outcome.passed:>5} passed {outcome.failed:>3} failed"
        f" {outcome.skipped:>3} skipped {outcome.seconds:>7.1f} s"
    )


@click.command()
@click.argument("names", nargs=-1, metavar="[PART]...")
@click.option("--slow", is_flag=True, help="Also the long fault and load scenarios.")
@click.option(
    "--coverage", is_flag=True, help="Measure the chassis; fail below 95 % of its branches."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--pytest", "extra", multiple=True, metavar="ARG", help="Hand ARG to pytest.")
def test(
    *, names: tuple[str, ...], slow: bool, coverage: bool, as_json: bool, extra: tuple[str, ...]
) -> None:
    """Run the tests of the chassis, of each service alone, and of the running system.

    PART is journeys, faults, tools, house, chassis, or a service; without one, all of them run.

    Example: quintet test orders --pytest=-x
    """
    root = Path(os.environ.get("QUINTET_ROOT") or Path.cwd())
    available = parts(root)
    unknown = [name for name in names if name not in available]
    if unknown:
        raise click.UsageError(f"No part {unknown[0]!r}. Parts: {', '.join(available)}.")
    plan = plan_for(root, coverage=coverage, extra=(*extra, *(("--slow",) * slow)))
    for left in plan.reports.glob(FIGURES):
        left.unlink()
    outcomes = []
    for outcome in run_all([available[name] for name in names or available], plan):
        outcomes.append(outcome)
        if not as_json:
            report_one(outcome)
    covered = not coverage or report_coverage(root, plan, aside=as_json)
    report_all(outcomes, reports=plan.reports, as_json=as_json)
    sys.exit(0 if covered and all(outcome.ok for outcome in outcomes) else 1)


def plan_for(root: Path, *, coverage: bool, extra: tuple[str, ...]) -> Plan:
    """Make the folder for the reports and say how each part is run."""
    reports = root / ".quintet" / "test"
    reports.mkdir(parents=True, exist_ok=True)
    environ = dict(os.environ)
    hung = (f"faulthandler_timeout={HUNG_SECONDS}", "faulthandler_exit_on_timeout=true")
    runner = [sys.executable, "-m", "pytest", *(f"--override-ini={option}" for option in hung)]
    if coverage:
        for left in reports.glob("coverage*"):
            left.unlink()
        environ["COVERAGE_FILE"] = str(reports / "coverage")
        runner[1:1] = ["-m", "coverage", "run", f"--rcfile={root / 'pyproject.toml'}"]
    return Plan(reports=reports, environ=environ, runner=tuple(runner), extra=extra)


def report_coverage(root: Path, plan: Plan, *, aside: bool = False) -> bool:
    """Combine what the parts measured and print it, aside of JSON; say whether it is enough."""
    tool = [sys.executable, "-m", "coverage"]
    subprocess.run([*tool, "combine", "-q"], cwd=root, env=plan.environ, check=False)
    reported = subprocess.run(
        [*tool, "report", f"--fail-under={COVERED_PERCENT}"],
        cwd=root,
        env=plan.environ,
        stdout=sys.stderr if aside else None,
        check=False,
    )
    return reported.returncode == 0


def report_one(outcome: Outcome) -> None:
    """Print a finished part: one line, and its whole output when it failed."""
    if not outcome.ok:
        click.echo(Path(outcome.log).read_text(encoding="utf-8", errors="replace"))
    click.echo(describe(outcome))


def report_all(outcomes: list[Outcome], *, reports: Path, as_json: bool) -> None:
    """Print what was measured, if anything was, and the sum of all parts."""
    if as_json:
        click.echo(json.dumps({"parts": [asdict(outcome) for outcome in outcomes]}))
        return
    for figures in sorted(reports.glob(FIGURES)):
        click.echo(figures.read_text(encoding="utf-8"))
    passed, failed, skipped = (
        sum(getattr(outcome, name) for outcome in outcomes)
        for name in ("passed", "failed", "skipped")
    )
    broken = sum(1 for outcome in outcomes if not outcome.ok and not outcome.failed)
    click.echo(f"{passed} passed, {failed + broken} failed, {skipped} skipped")
