"""The seam between this service and whoever moves the money."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol


class Deed(enum.StrEnum):
    """What a provider can be told to do; each once for a reference."""

    AUTHORISE = "authorise"
    CAPTURE = "capture"
    REFUND = "refund"
    VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """What to do with whose money; the same instruction may be sent again and is done once."""

    deed: Deed
    reference: str
    amount: int
    currency: str
    method: str

    @property
    def key(self) -> str:
        """What the provider recognises a repeated instruction by."""
        return f"{self.reference}:{self.deed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the provider answered: done, or refused for a reason."""

    done: bool
    reason: str = ""


class NoAnswer(Exception):
    """The provider did not answer in time: it may have done it, or not, or may do it later."""


class Provider(Protocol):
    """Whoever moves the money.

    A repeated instruction is answered like the first one and moves nothing more. A void bars every
    authorisation of its reference that comes later.
    """

    def execute(self, instruction: Instruction) -> Outcome:
        """Do it and say so, or raise ``NoAnswer``."""
