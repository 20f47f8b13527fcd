"""HTTP out: the validation service."""

from __future__ import annotations

from users.clients.validation import Judgement, ValidationClient

__all__ = ["Judgement", "ValidationClient"]
