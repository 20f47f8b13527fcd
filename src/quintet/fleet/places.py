"""Where everything that a run leaves behind is: one directory, easily removed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from quintet.cli import CommandError, find_root

STATE_DIRECTORY = ".quintet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The paths of one system: its sources below ``root``, its state below ``state``."""

    root: Path
    state: Path

    @classmethod
    def here(cls) -> Places:
        """Find the system around the current directory; ``QUINTET_STATE`` moves the state."""
        root = find_root()
        named = os.environ.get("QUINTET_STATE")
        return cls(root=root, state=Path(named).absolute() if named else root / STATE_DIRECTORY)

    @property
    def description(self) -> Path:
        return self.root / "quintet.yaml"

    @property
    def chassis(self) -> Path:
        return self.root / "src" / "quintet"

    @property
    def record(self) -> Path:
        return self.state / "state.json"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def secrets(self) -> Path:
        return self.state / "secrets"

    @property
    def keys(self) -> Path:
        return self.state / "keys"

    @property
    def metrics(self) -> Path:
        return self.state / "metrics"

    @property
    def volumes(self) -> dict[str, Path]:
        """What ``down --volumes`` removes: the data, and the passwords and keys that open it."""
        names = ("postgres", "sqlite", "valkey", "secrets", "keys", "metrics")
        return {name: self.state / name for name in names}

    def make(self) -> None:
        """Make the state directory, for this user only.

        Raises:
            CommandError: It cannot be made or written.
        """
        try:
            self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            for directory in (self.logs, self.secrets, self.keys, self.metrics):
                directory.mkdir(mode=0o700, exist_ok=True)
            (self.state / "lock").touch(mode=0o600)
        except OSError as error:
            raise CommandError(
                "the state directory cannot be used",
                why=str(error),
                remedy="make it writable for this user, or name another one in QUINTET_STATE",
            ) from error
