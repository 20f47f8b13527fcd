"""Commands for ``manage.py``."""

from __future__ import annotations
