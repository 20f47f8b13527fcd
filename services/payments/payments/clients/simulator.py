"""A provider that moves no money and fails as providers do: it declines, dawdles and falls silent.

What it does is decided by the token of the card. A silent one has done half of what it was told, so
nobody who waited in vain can guess; told again, it answers.
"""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING, Final

from payments.clients.provider import Deed, NoAnswer, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from payments.clients.books import Book, Page
    from payments.clients.provider import Instruction

SLOW: Final = "card-slow"
DECLINED: Final = "card-declined"
SILENT: Final = {
    "card-timeout": Deed.AUTHORISE,
    "card-capture-timeout": Deed.CAPTURE,
    "card-refund-timeout": Deed.REFUND,
    "card-void-timeout": Deed.VOID,
}
CARDS: Final = frozenset({"card-ok", SLOW, DECLINED, *SILENT})


class Simulator:
    """Behaves like a provider, on a book that remembers what it was told."""

    def __init__(
        self,
        book: Book,
        *,
        timeout_seconds: float,
        slow_seconds: float,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.book = book
        self.timeout_seconds = timeout_seconds
        self.slow_seconds = slow_seconds
        self._sleep = sleep

    def execute(self, instruction: Instruction) -> Outcome:
        """Do what was told, once; a silent card gets its answer at the second attempt."""
        if instruction.method == SLOW:
            self._sleep(min(self.slow_seconds, self.timeout_seconds))
        with self.book.opened(instruction.reference) as page:
            late = self._comes_late(page, instruction)
            silent = falls_silent(page, instruction)
            if silent and gets_lost(instruction):
                page.answers[instruction.deed] = None
            else:
                reason = self._answer(page, instruction)
        if silent:
            self._sleep(self.timeout_seconds)
        if silent or late:
            raise NoAnswer(instruction.key)
        return Outcome(done=not reason, reason=reason)

    def _comes_late(self, page: Page, instruction: Instruction) -> bool:
        too_slow = instruction.method == SLOW and self.slow_seconds > self.timeout_seconds
        return too_slow and instruction.deed not in page.answers

    def _answer(self, page: Page, instruction: Instruction) -> str:
        answer = page.answers.get(instruction.deed)
        if answer is None:
            answer = page.answers[instruction.deed] = RULES[instruction.deed](page, instruction)
        return answer


def falls_silent(page: Page, instruction: Instruction) -> bool:
    """Tell whether this is the deed that the card is silent about, for the first time."""
    return (
        SILENT.get(instruction.method) == instruction.deed and instruction.deed not in page.answers
    )


def gets_lost(instruction: Instruction) -> bool:
    """Tell whether a silent instruction is not done: every other one, decided by its key."""
    return zlib.crc32(instruction.key.encode()) % 2 == 0


def authorise(page: Page, instruction: Instruction) -> str:
    """Hold the amount, unless a void was here before."""
    if page.voided:
        return "voided"
    if instruction.method not in CARDS:
        return "unknown_card"
    if instruction.method == DECLINED:
        return "card_declined"
    page.held = instruction.amount
    return ""


def capture(page: Page, instruction: Instruction) -> str:
    """Take what is held."""
    if instruction.amount > page.held:
        return "not_held"
    page.held, page.captured = page.held - instruction.amount, instruction.amount
    return ""


def refund(page: Page, instruction: Instruction) -> str:
    """Return what was taken, or a part of it."""
    if instruction.amount > page.captured - page.refunded:
        return "not_captured"
    page.refunded += instruction.amount
    return ""


def void(page: Page, _instruction: Instruction) -> str:
    """Let go of what is held, and never hold anything under this reference again."""
    if page.captured:
        return "captured"
    page.held, page.voided = 0, True
    return ""


RULES: Final[dict[Deed, Callable[[Page, Instruction], str]]] = {
    Deed.AUTHORISE: authorise,
    Deed.CAPTURE: capture,
    Deed.REFUND: refund,
    Deed.VOID: void,
}
