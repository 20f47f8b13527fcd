"""Where figures come from: the machine, the versions, the commit."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"


def described(*packages: str) -> str:
    """One line on the machine, one on the versions of the packages that are compared."""
    commit = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    made = subprocess.run(commit, capture_output=True, text=True, check=True).stdout.strip()
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.release()}"
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{machine}, Python {platform.python_version()}; commit {made}.\n{versions}."
