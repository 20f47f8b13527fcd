"""A database that may fail: bounded by the deadline, and found again when it is back.

``quintet.database.postgresql`` and ``quintet.database.sqlite3`` are Django's own backends with that
added; ``derive.databases`` names them as the ``ENGINE``.
"""

from __future__ import annotations

from quintet.database.retries import retrying

__all__ = ["retrying"]
