"""``quintet test`` on a repository of three tiny parts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from quintet.testing import command

PASSES = "def test_it(): pass\n"
FAILS = "def test_it(): raise ValueError('words of the failure')\n"
SKIPS = "import pytest\ndef test_it(): pytest.skip('later')\ndef test_other(): pass\n"
COVERAGE = "[tool.coverage.run]\nsource = ['.']\nparallel = true\n"


@pytest.fixture
def root(tmp_path):
    for folder in ("tests", "services/alpha", "journeys"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "test_it.py").write_text(PASSES)
    (tmp_path / "services" / "README").touch()
    (tmp_path / "services" / "notes").mkdir()
    (tmp_path / "services" / "alpha" / "pyproject.toml").touch()
    return tmp_path


INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from quintet.cli import main
main()
"""
"""The command as a terminal starts it; a shell's background job ignores Ctrl-C."""


def environment() -> dict[str, str]:
    """Name servers, so that none is started for tests that need none."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in {"PATH", "HOME"} or name.startswith("COVERAGE_PROCESS")
    }
    named = {
        "QUINTET_TEST_POSTGRES_URL": "postgres://nobody@127.0.0.1:1/none",
        "QUINTET_TEST_REDIS_URL": "redis://127.0.0.1:1/0",
    }
    return kept | named


def quintet_test(root, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "quintet", "test", *arguments],
        cwd=root,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_part_has_a_name(root):
    assert list(command.parts(root)) == ["journeys", "chassis", "alpha"]


def test_what_starts_processes_is_a_part_of_its_own_and_nothing_runs_twice(root):
    (root / "tests" / "fleet").mkdir()

    parts = command.parts(root)

    assert parts["tools"].arguments == ("tests/fleet",)
    assert parts["chassis"].arguments == ("tests", "--ignore=tests/fleet")


def test_every_part_runs_and_the_sum_is_printed(root):
    ran = quintet_test(root)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.splitlines()[-1] == "3 passed, 0 failed, 0 skipped"
    assert (root / ".quintet" / "test" / "alpha.log").is_file()


def test_a_failure_is_shown_whole_and_ends_with_one(root):
    (root / "services" / "alpha" / "test_it.py").write_text(FAILS)

    ran = quintet_test(root, "alpha", "journeys")

    assert ran.returncode == 1
    assert "words of the failure" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "1 passed, 1 failed, 0 skipped"


def test_a_part_without_any_test_counts_as_broken(root):
    (root / "journeys" / "test_it.py").unlink()

    ran = quintet_test(root, "journeys")

    assert ran.returncode == 1
    assert ran.stdout.splitlines()[-1] == "0 passed, 1 failed, 0 skipped"


def test_what_the_journeys_measured_is_printed_before_the_sum(root):
    file = "../.quintet/test/figures-journeys.md"
    measures = f"def test_it(): open('{file}', 'w').write('| C1 | 99 % |')"
    (root / "journeys" / "test_it.py").write_text(measures)

    ran = quintet_test(root, "journeys")
    other = quintet_test(root, "alpha")

    assert ran.stdout.splitlines()[-2:] == ["| C1 | 99 % |", "1 passed, 0 failed, 0 skipped"]
    assert "C1" not in other.stdout


def test_what_measures_runs_when_everything_else_is_over(root):
    measures = "import pytest\n@pytest.mark.alone\ndef test_it(): print('measured')\n"
    (root / "journeys" / "test_figures.py").write_text(measures)
    (root / "journeys" / "pytest.ini").write_text("[pytest]\nmarkers = alone: needs the machine\n")

    ran = quintet_test(root)

    names = [line.split()[1] for line in ran.stdout.splitlines()[:-1]]
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert sorted(names) == ["alpha", "chassis", "faults", "journeys"]
    assert names[-1] == "faults"


def test_json_is_one_object(root):
    (root / "tests" / "test_it.py").write_text(SKIPS)

    ran = quintet_test(root, "chassis", "--json")

    (part,) = json.loads(ran.stdout)["parts"]
    assert (part["part"], part["passed"], part["skipped"]) == ("chassis", 1, 1)


def test_arguments_are_handed_to_pytest(root):
    (root / "tests" / "test_it.py").write_text(PASSES + "def test_other(): pass\n")

    ran = quintet_test(root, "chassis", "--slow", "--pytest=-k", "--pytest=other")

    assert ran.stdout.splitlines()[-1] == "1 passed, 0 failed, 0 skipped"


def test_an_unknown_part_is_misuse_and_names_those_there_are(root):
    ran = quintet_test(root, "beta")

    assert ran.returncode == 2
    assert "No part 'beta'. Parts: journeys, chassis, alpha." in ran.stderr


def test_a_report_without_a_suite_counts_nothing(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text("<testsuites/>")

    assert command.counts(report) == (0, 0, 0)
    assert command.counts(tmp_path / "missing.xml") == (0, 0, 0)


def test_too_little_coverage_fails_the_run(root):
    (root / "pyproject.toml").write_text(COVERAGE)
    (root / "journeys" / "never_called.py").write_text("def f():\n    return 1\n" * 20)

    ran = quintet_test(root, "journeys", "--coverage")

    assert "never_called.py" in ran.stdout
    assert ran.returncode == 1


CLEANS = """
import time
from pathlib import Path
import pytest

@pytest.fixture
def started():
    Path("started").touch()
    yield
    time.sleep(1)
    Path("cleaned").touch()

@pytest.mark.alone
def test_it(started): time.sleep(60)
"""


def test_tests_that_are_interrupted_end_what_they_have_started(root):
    (root / "journeys" / "test_it.py").write_text(CLEANS)
    (root / "journeys" / "pytest.ini").write_text("[pytest]\nmarkers = alone\n")

    running = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "test", "faults"],
        cwd=root,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        while not (root / "journeys" / "started").exists():
            assert running.poll() is None, running.stdout.read()
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGINT)
        running.communicate(timeout=30)
    finally:
        running.kill()

    assert (root / "journeys" / "cleaned").exists()
