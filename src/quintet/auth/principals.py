"""Who asks: the answer of a verified token, never a row of somebody's database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

STAFF = "staff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The caller of a request: nobody, a user, or another service."""

    kind: Literal["anonymous", "user", "service"]
    subject: str = ""
    user_id: int | None = None
    service: str | None = None
    roles: frozenset[str] = frozenset()

    @property
    def is_authenticated(self) -> bool:
        """Whether a token proved who this is; Django and DRF ask under this name."""
        return self.kind != "anonymous"

    @property
    def is_staff(self) -> bool:
        """Whether this is a user whose token carries the role ``staff``; a service never is."""
        return self.kind == "user" and STAFF in self.roles

    @property
    def pk(self) -> str:
        """The identity that throttles and logs key on; empty for nobody."""
        return self.subject if self.kind != "service" else f"service:{self.subject}"


ANONYMOUS = Principal(kind="anonymous")


def anonymous() -> Principal:
    """The principal of a request without credentials, for settings that want a callable."""
    return ANONYMOUS
