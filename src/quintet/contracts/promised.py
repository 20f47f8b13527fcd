"""Asks the code of a service what it promises: its management command says so, as one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quintet.cli import CommandError
from quintet.testing import environment

if TYPE_CHECKING:
    from pathlib import Path

    from quintet.contracts.files import Json

COMMAND = "quintet_contract"
SHELL = ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT")
"""All that is taken over: a contract must not depend on what else somebody has set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """What the code of a service says."""

    openapi: Json
    publishes: dict[str, Json]
    """The schema of each event, by its type."""
    handles: dict[str, Json]
    """The type of the event and what is read of it, by the name of the handler."""


def promised_by(service: str, folder: Path) -> Promised:
    """Ask the service in this folder.

    Raises:
        CommandError: Its management command fails.
    """
    environ = {name: os.environ[name] for name in SHELL if name in os.environ}
    environment.fill(environ, urls={"DATABASE_URL": "sqlite:///:memory:"}, issuers=["users"])
    ended = subprocess.run(
        [sys.executable, "manage.py", COMMAND],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise CommandError(
            f"{service} cannot say what it promises",
            why=ended.stderr.strip()[-500:],
            remedy=f"make this run: cd {folder} && manage.py {COMMAND}",
        )
    # The last line: those before it are the log.
    told = json.loads(ended.stdout.strip().splitlines()[-1])
    return Promised(openapi=told["openapi"], publishes=told["publishes"], handles=told["handles"])
