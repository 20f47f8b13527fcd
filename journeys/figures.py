"""What the scenarios measured, beside what a stock stack does and what is to be reached.

The table is printed at the end of the run and kept in the folder of the reports, where
`quintet test` finds it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE = "figures-{part}.md"
HEADS = ("scenario", "what", "ours", "stock", "to reach")


@dataclass(slots=True)
class Figures:
    """The rows of the table, one for each figure that a scenario noted."""

    rows: list[tuple[str, ...]] = field(default_factory=list)

    def note(self, *, scenario: str, what: str, ours: str, stock: str = "", to_reach: str) -> None:
        """Keep a figure; write the unit with it."""
        self.rows.append((scenario, what, ours, stock, to_reach))

    def table(self) -> str:
        """All figures in the order of the scenarios."""
        return _markdown([HEADS, *sorted(self.rows, key=lambda row: row[0])])

    def write(self, folder: Path) -> None:
        """Keep the table for whoever started the run."""
        folder.mkdir(parents=True, exist_ok=True)
        part = os.environ.get("QUINTET_TEST_PART", "journeys")
        (folder / FILE.format(part=part)).write_text(self.table() + "\n", encoding="utf-8")


def _markdown(rows: Iterable[tuple[str, ...]]) -> str:
    rows = [tuple(cell.replace("|", "/") for cell in row) for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    lines = [" | ".join(cell.ljust(widths[at]) for at, cell in enumerate(row)) for row in rows]
    rule = "-|-".join("-" * width for width in widths)
    return "\n".join(f"| {line} |" for line in (lines[0], rule, *lines[1:]))
