"""What one process of a service does at a time: the kernel knows which, and when it has ended."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def shared_folder() -> Path | None:
    """The folder that all processes of this service share; none when this one is alone."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


class Turn:
    """A lock that a process has until it gives it back, or ends, however it ends.

    Without a folder that the processes share there is only this one, and it is always its turn.
    """

    def __init__(self, name: str, folder: Path | None) -> None:
        self._path = None if folder is None else folder / f"{name}.turn"
        self._file: int | None = None
        self._owner = os.getpid()

    def take(self) -> bool:
        """Whether it is the turn of this process; it stays so."""
        if self._path is None:
            return True
        if self._file is not None and self._owner == os.getpid():
            return True
        return self._lock(self._path)

    def give_back(self) -> None:
        """Let another process have it."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def _lock(self, path: Path) -> bool:
        self.give_back()
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._file, self._owner = file, os.getpid()
        return True
