"""What orders asks of users: whether somebody may buy."""

from __future__ import annotations

from dataclasses import dataclass

from orders.clients.blame import expecting
from orders.clients.generated.users import UsersApi
from quintet.errors import NotFoundException


@dataclass(frozen=True, slots=True, kw_only=True)
class Shopper:
    """A user, as far as an order is concerned."""

    id: int
    is_active: bool


class UsersClient:
    """Asks users who somebody is."""

    def __init__(self) -> None:
        self._users = UsersApi()

    def shopper(self, user_id: int) -> Shopper:
        """Return the user; one that is gone counts as inactive."""
        with expecting(self._users.service):
            try:
                found = self._users.user(user_id)
            except NotFoundException:
                return Shopper(id=user_id, is_active=False)
        return Shopper(id=user_id, is_active=found.is_active)
