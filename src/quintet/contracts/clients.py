"""The generated clients of a service: what they should say, and where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from quintet.cli import CommandError
from quintet.contracts import files
from quintet.contracts.client import rendered
from quintet.contracts.uses import uses_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from quintet.fleet.description import System

_PACKAGE: Final = '"""What `quintet openapi client` makes of the contracts of other services."""\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The module that one service calls another one by."""

    caller: str
    service: str
    file: Path
    text: str

    @property
    def title(self) -> str:
        """How it is called in a sentence."""
        return f"{self.caller}.clients.generated.{self.service}"

    @property
    def is_written(self) -> bool:
        """Whether the file says this."""
        there = self.file.is_file() and self._package.is_file()
        return there and self.file.read_text(encoding="utf-8") == self.text

    def write(self) -> None:
        """Write the module, and the package that it is in."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self._package.write_text(_PACKAGE, encoding="utf-8")
        self.file.write_text(self.text, encoding="utf-8")

    @property
    def _package(self) -> Path:
        return self.file.with_name("__init__.py")


def clients_of(root: Path, system: System, caller: str) -> Iterator[Client]:
    """The clients that a service needs, by what it says it uses.

    Raises:
        CommandError: It uses a service that it does not call, or what that does not promise.
    """
    folder = root / system.services[caller].path
    for service, uses in uses_of(folder).items():
        if service not in system.services[caller].calls:
            raise CommandError(
                f"{caller} uses {service}, and does not call it",
                why=f"{folder / 'pyproject.toml'} declares a client of it",
                remedy=f"add {service} to the calls of {caller} in quintet.yaml",
            )
        document = files.read(files.openapi_file(root, service))
        if document is None:
            raise CommandError(
                f"there is no contract of {service}", remedy=f"quintet openapi write {service}"
            )
        yield Client(
            caller=caller,
            service=service,
            file=_package(folder, caller) / "generated" / f"{service}.py",
            text=rendered(service, caller=caller, document=document, uses=uses),
        )


def callers_of(root: Path, system: System, service: str) -> dict[str, list[str]]:
    """Who calls each operation of a service, as far as they say so."""
    found: dict[str, list[str]] = {}
    for caller in system.callers_of(service):
        for use in uses_of(root / system.services[caller].path).get(service, []):
            found.setdefault(use.operation, []).append(caller)
    return found


def _package(folder: Path, caller: str) -> Path:
    package = folder / caller / "clients"
    if package.with_suffix(".py").exists():
        raise CommandError(
            f"{caller}.clients is a module, and generated clients need a package",
            remedy=f"move it to {package / '__init__.py'}",
        )
    return package
