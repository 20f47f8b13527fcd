"""How much is done for a call: the numbers of one client, where they differ from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quintet.settings import ServiceSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a client asks for; ``None`` stands for what the settings say."""

    timeout_seconds: float | None = None
    """How long a call may take, with everything that belongs to it."""
    attempt_seconds: float | None = None
    """How long one attempt of a call may take that can be repeated."""
    retries: int | None = None
    """How often it is repeated at most."""
    hedged: bool = False
    """Whether a GET is asked once more, beside the first one, when that takes unusually long."""

    @lru_cache(maxsize=64)  # noqa: B019 - as many as there are client classes, for all time
    def effective(self, env: ServiceSettings) -> Effective:
        """Fill in what was left to the settings."""
        return Effective(
            timeout_seconds=_chosen(self.timeout_seconds, env.CLIENT_TIMEOUT_SECONDS),
            attempt_seconds=_chosen(self.attempt_seconds, env.CLIENT_ATTEMPT_SECONDS),
            retries=int(_chosen(self.retries, env.CLIENT_RETRIES)),
            hedged=self.hedged,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """The numbers that hold."""

    timeout_seconds: float
    attempt_seconds: float
    retries: int
    hedged: bool


def _chosen(own: float | None, general: float) -> float:
    return general if own is None else own
