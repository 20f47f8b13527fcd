"""A test client that says on whose behalf it asks."""

from __future__ import annotations

from rest_framework.test import APIClient

from quintet.testing import identity


class Api(APIClient):
    """DRF's test client for JSON; each ``as_…`` gives a new one and leaves this one alone.

    The tokens are real: signed, verified, and refused like any other.
    """

    default_format = "json"

    def as_user(self, user_id: int, *, staff: bool = False) -> Api:
        """Ask as this user."""
        return identity.as_user(Api(), user_id, staff=staff)

    def as_staff(self, user_id: int = 1) -> Api:
        """Ask as a user whose token carries the role ``staff``."""
        return self.as_user(user_id, staff=True)

    def as_service(self, name: str) -> Api:
        """Ask as another service."""
        return identity.as_service(Api(), name)
