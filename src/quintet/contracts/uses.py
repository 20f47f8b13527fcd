"""What a service uses of others, as its ``pyproject.toml`` says: operations, and fields of answers.

::

    [tool.quintet.clients.products.reserve]
    operation = "POST /internal/v1/reservations/"
    reads = ["lines.product_id", "total_amount"]
"""

from __future__ import annotations

import keyword
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quintet.cli import CommandError

if TYPE_CHECKING:
    from pathlib import Path

_KEYS = {"operation", "reads"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One operation of another service, under the name that it has here."""

    name: str
    operation: str
    """As in ``POST /internal/v1/reservations/``."""
    reads: tuple[str, ...] | None
    """The paths of the fields that are read; ``None`` for all that are promised."""


def uses_of(folder: Path) -> dict[str, list[Use]]:
    """What the service in this folder uses, by the service that it calls.

    Raises:
        CommandError: Something is declared that is no use.
    """
    file = folder / "pyproject.toml"
    try:
        tool = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} cannot be read", why=str(error)) from error
    clients = tool.get("quintet", {}).get("clients", {})
    return {
        service: [_use(name, told, file) for name, told in uses.items()]
        for service, uses in clients.items()
    }


def _use(name: str, told: Any, file: Path) -> Use:
    operation, reads = told.get("operation"), told.get("reads")
    words = all(isinstance(field, str) for field in reads) if isinstance(reads, list) else False
    if (
        not name.isidentifier()
        or keyword.iskeyword(name)
        or not isinstance(operation, str)
        or not (reads is None or words)
        or told.keys() - _KEYS
    ):
        raise CommandError(
            f"{file} declares a use of another service that is none: {name}",
            why=f"{told}",
            remedy='write operation = "GET /path/", and reads = ["field", "field.below"] or none',
        )
    return Use(name=name, operation=operation, reads=None if reads is None else tuple(reads))
