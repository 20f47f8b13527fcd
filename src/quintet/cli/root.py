"""Where the system is: the directory of ``quintet.yaml``."""

from __future__ import annotations

import os
from pathlib import Path

from quintet.cli.output import CommandError

DESCRIPTION = "quintet.yaml"


def find_root(start: Path | None = None) -> Path:
    """Return the directory that the launcher named, else the nearest one above with the file."""
    named = os.environ.get("QUINTET_ROOT")
    if named and start is None:
        return Path(named)
    here = (start or Path.cwd()).resolve()
    for directory in (here, *here.parents):
        if (directory / DESCRIPTION).is_file():
            return directory
    raise CommandError(
        f"no {DESCRIPTION} was found",
        why=f"looked in {here} and in every directory above it",
        remedy="change into the repository, or call its ./quintet",
    )
