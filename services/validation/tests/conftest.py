"""The callers of the validation service."""

from __future__ import annotations
