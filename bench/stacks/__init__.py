"""The stacks that are compared: what each of them puts around the same trivial endpoint."""

from __future__ import annotations

from stacks.catalogue import STACKS, settings_of

__all__ = ["STACKS", "settings_of"]
