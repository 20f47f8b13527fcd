"""Who asks, in tests: real signed tokens from keys that live in memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

from quintet import conf
from quintet.auth import UnknownIssuer, generate_key, tokens
from quintet.auth.compact import SERVICE_TYPE, USER_TYPE
from quintet.auth.keys import OwnKeys, own_keys
from quintet.auth.principals import STAFF

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager

    from django.test import Client

    AnyClient = TypeVar("AnyClient", bound=Client)

LIFETIME_SECONDS = 900


class Identity:
    """A key source that can also sign: it has a key for every name that it is asked for.

    It trusts the names it has signed for, and nobody else.
    """

    def __init__(self) -> None:
        self._keys: dict[str, OwnKeys] = {}
        self._lock = threading.Lock()

    def fetch(self, issuer: str) -> Mapping[str, Any]:
        """Return the public key of a name that has signed something."""
        keys = self._keys.get(issuer)
        if keys is None:
            raise UnknownIssuer(issuer)
        return {"keys": [dict(key) for key in keys.published]}

    def keys(self, name: str) -> OwnKeys:
        """The keys of a name; the service under test uses its own, if it has any."""
        env = conf.current()
        own = own_keys(env.AUTH_SIGNING_KEYS) if name == env.SERVICE_NAME else None
        if own is not None:
            return own
        with self._lock:
            if name not in self._keys:
                made = own_keys(generate_key())
                assert made is not None
                self._keys[name] = made
            return self._keys[name]

    def user_token(
        self,
        user_id: int,
        *,
        roles: Iterable[str] = (),
        lifetime_seconds: int = LIFETIME_SECONDS,
    ) -> str:
        """An access token of a user, as the users service signs it."""
        issuer = conf.current().AUTH_USER_ISSUER
        claims = tokens.standard_claims(issuer, str(user_id), audience=tokens.USER_AUDIENCE)
        claims |= {"exp": claims["iat"] + lifetime_seconds, "roles": sorted(roles)}
        return tokens.sign(claims, keys=self.keys(issuer), typ=USER_TYPE)

    def service_token(self, name: str, *, audience: str | None = None) -> str:
        """The token that another service sends to the one under test."""
        callee = audience or conf.current().SERVICE_NAME
        claims = tokens.standard_claims(name, name, audience=callee)
        return tokens.sign(claims, keys=self.keys(name), typ=SERVICE_TYPE)

    def trusted(self) -> AbstractContextManager[None]:
        """Let the service under test trust the names of this identity within the block."""
        return tokens.use_key_source(self)


def as_user(client: AnyClient, user_id: int, *, staff: bool = False) -> AnyClient:
    """Let every further request of a test client carry the token of this user."""
    roles = [STAFF] if staff else []
    return bearing(client, shared().user_token(user_id, roles=roles))


def as_service(client: AnyClient, name: str) -> AnyClient:
    """Let every further request of a test client carry the token of this service."""
    return bearing(client, shared().service_token(name))


def as_nobody(client: AnyClient) -> AnyClient:
    """Let the further requests of a test client carry no token."""
    client.defaults.pop("HTTP_AUTHORIZATION", None)
    return client


def bearing(client: AnyClient, token: str) -> AnyClient:
    """Let every further request of a test client carry this token, good or bad."""
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


_identity = Identity()


def shared() -> Identity:
    """The identity of this test process, trusted from its first use to the end of the process."""
    if tokens.key_source() is not _identity:
        tokens.trust(_identity)
    return _identity
