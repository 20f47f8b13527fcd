"""How this service and what it needs are doing: bounded, cached, asked by one at a time."""

from __future__ import annotations

from quintet.health.migrations import Migrations
from quintet.health.registry import HealthChecker, checker, register, reset
from quintet.health.results import Check, CheckResult
from quintet.health.standard import Cache, Database, DiskSpace, ExternalServices, Memory

__all__ = [
    "Cache",
    "Check",
    "CheckResult",
    "Database",
    "DiskSpace",
    "ExternalServices",
    "HealthChecker",
    "Memory",
    "Migrations",
    "checker",
    "register",
    "reset",
]
