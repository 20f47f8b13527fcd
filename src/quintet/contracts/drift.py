"""Where the code of a service and its contract differ, and what is to be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from quintet.contracts import changes, files

if TYPE_CHECKING:
    from pathlib import Path

    from quintet.contracts.files import Json

MOST_NAMED: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A file that does not say what the code says."""

    file: Path
    wanted: Json
    """What the code says."""
    breaking: tuple[str, ...]
    """What others can stumble over."""
    others: tuple[str, ...]
    """Where else they differ."""
    remedy: str

    @property
    def verdict(self) -> str:
        """The one word that matters."""
        return "breaking" if self.breaking else "compatible"

    def lines(self) -> list[str]:
        """The file, the verdict, and what has changed."""
        said = self.breaking or self.others
        named = [f"  {sentence}" for sentence in said[:MOST_NAMED]]
        more = [f"  and {len(said) - MOST_NAMED} more"] if len(said) > MOST_NAMED else []
        return [f"{self.file.name}: {self.verdict}", *named, *more]


def of_openapi(root: Path, service: str, *, wanted: Json) -> Drift | None:
    """What the OpenAPI document of a service has become; ``None`` when it is as it was."""
    file = files.openapi_file(root, service)
    old = files.read(file)
    if old is not None and files.written(old) == files.written(wanted):
        return None
    breaking = changes.breaking(old, wanted) if old else []
    others = changes.differences(old, wanted) if old else ["there was no such file"]
    remedy = f"quintet openapi write {service}"
    if breaking:
        remedy = (
            "keep the promise, and make another one beside it (/api/v2/…); or, when no caller is "
            f"left: {remedy} --breaking"
        )
    return Drift(
        file=file,
        wanted=wanted,
        breaking=tuple(breaking),
        others=tuple(others),
        remedy=remedy,
    )
