"""What is wrong with an environment, all of it at once, in words that lead to the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One variable that keeps a service from starting."""

    variable: str
    expected: str
    got: str
    remedy: str

    def __str__(self) -> str:
        lines = (("expected", self.expected), ("got", self.got), ("remedy", self.remedy))
        return "\n".join([f"  {self.variable}", *(f"    {name:<9} {it}" for name, it in lines)])


class SettingsError(Exception):
    """The environment is wrong; the text lists every problem, and no secret."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        count = len(self.problems)
        title = "1 setting is wrong:" if count == 1 else f"{count} settings are wrong:"
        return "\n\n".join([title, *map(str, self.problems)])
