"""Everybody who may knock at a door, for tests that try each caller at each operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quintet.testing import identity
from quintet.testing.api import Api

if TYPE_CHECKING:
    from collections.abc import Iterator

STRANGER_ID = 10**9
STAFF_ID = 10**9 + 1
LONG_AGO_SECONDS = -3600


def callers(owner_id: int, *services: str) -> dict[str, Api]:
    """A client for each kind of caller: the owner, everybody else, and those with a bad token.

    ``expired`` and ``forged`` claim to be the owner, ``misdirected`` is the first of the services
    with a token that was made for somebody else.
    """
    return {
        "nobody": Api(),
        **{
            name: identity.bearing(Api(), token)
            for name, token in _bad_tokens(owner_id, services[0])
        },
        "stranger": Api().as_user(STRANGER_ID),
        "owner": Api().as_user(owner_id),
        "staff": Api().as_staff(STAFF_ID),
        **{name: Api().as_service(name) for name in services},
    }


def _bad_tokens(owner_id: int, service: str) -> Iterator[tuple[str, str]]:
    trusted = identity.shared()
    genuine, other = (trusted.user_token(user_id) for user_id in (owner_id, STRANGER_ID))
    yield "expired", trusted.user_token(owner_id, lifetime_seconds=LONG_AGO_SECONDS)
    yield "forged", ".".join([*genuine.split(".")[:2], other.split(".")[2]])
    yield "misdirected", trusted.service_token(service, audience="elsewhere")
