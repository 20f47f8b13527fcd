"""A provider that writes down what another one is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from payments.clients.provider import Instruction, Outcome, Provider


class RecordingProvider:
    """Passes instructions on and keeps them; `before` runs first, and may raise."""

    def __init__(self, inner: Provider) -> None:
        self.inner = inner
        self.instructions: list[Instruction] = []
        self.before: Callable[[Instruction], object] = lambda _: None

    def execute(self, instruction: Instruction) -> Outcome:
        """Record the instruction, then let the other provider execute it."""
        self.instructions.append(instruction)
        self.before(instruction)
        return self.inner.execute(instruction)
