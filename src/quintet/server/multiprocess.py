"""One directory for the metrics of all worker processes, named before anything counts.

``prometheus_client`` decides once, at its import, whether values live in memory or there.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


class TooLate(RuntimeError):
    """Metrics are already counted in memory, per process; the sums would be wrong."""


class Unusable(RuntimeError):
    """The directory that was named cannot hold what the workers count."""


@contextmanager
def metrics_directory(named: str) -> Iterator[Path]:
    """Provide ``named``, or a temporary directory that is removed by the process that made it.

    Values of an earlier run are dropped: their processes are gone.
    """
    if "prometheus_client" in sys.modules:
        raise TooLate("prometheus_client was imported before the server could name its directory.")
    directory = _emptied(named) if named else Path(tempfile.mkdtemp(prefix="quintet-metrics-"))
    os.environ[VARIABLE] = str(directory)
    owner = os.getpid()
    try:
        yield directory
    finally:
        # Workers leave this block too: they are forks that end by an exception.
        if not named and os.getpid() == owner:
            shutil.rmtree(directory, ignore_errors=True)


def _emptied(named: str) -> Path:
    directory = Path(named)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file in directory.glob("*.db"):
            file.unlink(missing_ok=True)
    except OSError as error:
        raise Unusable(
            f"METRICS_DIR is {named!r}, which cannot be used: {error.strerror}.\n"
            "Name a folder that this process may write to, or none for a temporary one."
        ) from error
    return directory


def forget(pid: int) -> None:
    """Drop what only a living process may report; what it counted stays in the sums."""
    # Imported late, since the directory has to be named first.
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(pid)  # type: ignore[no-untyped-call]  # the library has no types here
