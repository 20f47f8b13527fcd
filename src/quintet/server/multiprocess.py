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
LEFT_BEHIND = frozenset({".db", ".new", ".exemplars", ".json", ".at"})


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
    _install()
    owner = os.getpid()
    try:
        yield directory
    finally:
        # Workers leave this block too: they are forks that end by an exception.
        if not named and os.getpid() == owner:
            shutil.rmtree(directory, ignore_errors=True)


def _install() -> None:
    """Before a service can make a metric of its own."""
    from quintet.telemetry.metrics import values  # late: the directory has to be named

    values.install()


def _emptied(named: str) -> Path:
    directory = Path(named)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file in directory.iterdir():
            if file.suffix in LEFT_BEHIND:
                file.unlink(missing_ok=True)
    except OSError as error:
        raise Unusable(
            f"METRICS_DIR is {named!r}, which cannot be used: {error.strerror}.\n"
            "Name a folder that this process may write to, or none for a temporary one."
        ) from error
    return directory


def forget(pid: int) -> None:
    """Put away what a dead process has left: what it counted stays in the sums, in one file."""
    # Imported late, since the directory has to be named first.
    from prometheus_client.multiprocess import mark_process_dead

    from quintet.telemetry.metrics.ledger import directory
    from quintet.telemetry.metrics.shelf import Shelf
    from quintet.telemetry.metrics.tidying import tidy

    shared = directory()
    if shared is not None:
        # For the pages of those who use the library's own classes.
        mark_process_dead(pid, str(shared))  # type: ignore[no-untyped-call]  # it has no types
        tidy(Shelf(shared))
