"""SQLite: ``ENGINE = "quintet.database.sqlite3"``."""

from __future__ import annotations
