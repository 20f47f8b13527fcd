"""One module per command; Django finds them by name."""

from __future__ import annotations
