"""HTTP in: parse, call the domain, respond."""

from __future__ import annotations

from users.views.accounts import UserViewSet
from users.views.tokens import RefreshView, RevokeView, TokenView

__all__ = ["RefreshView", "RevokeView", "TokenView", "UserViewSet"]
