"""PostgreSQL: ``ENGINE = "quintet.database.postgresql"``."""

from __future__ import annotations
