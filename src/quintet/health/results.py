"""What a check answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """Healthy or not, and what somebody who may look inside should know about it."""

    healthy: bool
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The result as it stands in ``/health/``."""
        return {"healthy": self.healthy, **self.details}


class Check(Protocol):
    """Looks once, and may block: it is watched from outside. An exception counts as unhealthy."""

    def __call__(self) -> CheckResult: ...
