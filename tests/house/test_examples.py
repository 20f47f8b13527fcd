"""Every example runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.house.source import shown, tracked


@pytest.mark.parametrize("path", tracked("docs/examples/*.py"), ids=shown)
def test_every_example_runs_in_an_empty_environment(path, tmp_path):
    finished = subprocess.run(
        [sys.executable, "-W", "error", path],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout
