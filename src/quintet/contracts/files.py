"""The folder ``contracts/``: where each contract is, and how it is written down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from quintet.cli import CommandError

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]

FOLDER = "contracts"


def openapi_file(root: Path, service: str) -> Path:
    """Where the OpenAPI document of a service is."""
    return root / FOLDER / f"{service}.openapi.json"


def event_file(root: Path, kind: str) -> Path:
    """Where the schema of an event is, by the ``type`` that CloudEvents know it by."""
    return root / FOLDER / "events" / f"{kind}.schema.json"


def event_files(root: Path, service: str) -> list[Path]:
    """The schemas of all events that are named after a service."""
    return sorted((root / FOLDER / "events").glob(f"{service}.*.schema.json"))


def kind_of(file: Path) -> str:
    """The type of the event that a file is about."""
    return file.name.removesuffix(".schema.json")


def written(document: Json) -> str:
    """The text of a contract: the same for the same contract."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def read(path: Path) -> Json | None:
    """Read a contract; ``None`` where there is none.

    Raises:
        CommandError: The file is no JSON object.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise CommandError(f"{path} is no JSON", why=str(error), remedy=_WRITE_AGAIN) from error
    if not isinstance(document, dict):
        raise CommandError(f"{path} is no JSON object", remedy=_WRITE_AGAIN)
    return document


def write(path: Path, document: Json) -> None:
    """Write a contract, and the folder it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(written(document), encoding="utf-8")


_WRITE_AGAIN = "delete the file, then: quintet openapi write && quintet events write"
