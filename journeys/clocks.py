"""A wall clock that is set wrong while a process runs; what is monotonic goes on as ever."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE = Path(__file__).resolve().parent / "clock" / "jump.c"
FLAGS = ("-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror")


class WallClock:
    """The clock of every process that is started with `variables`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._library, self._file = folder / "jump.so", folder / "seconds"
        subprocess.run(["gcc", *FLAGS, "-o", self._library, SOURCE], check=True)
        self._file.write_bytes(bytes(8))

    @property
    def variables(self) -> Mapping[str, str]:
        return {"LD_PRELOAD": str(self._library), "JUMP_FILE": str(self._file)}

    def jump(self, seconds: int) -> None:
        """Be wrong by so many seconds from now on."""
        with self._file.open("r+b") as file:
            file.write(struct.pack("q", seconds))
