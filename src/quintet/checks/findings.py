"""The tag that all checks of the chassis carry: ``manage.py check --tag quintet``."""

from __future__ import annotations

TAG = "quintet"
