"""Issue and verify tokens: ES256, verified offline with the keys that the issuer publishes."""

from __future__ import annotations

import os
import re
import threading
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import jwt
from django.core.exceptions import ImproperlyConfigured

from quintet import conf
from quintet.auth.compact import SERVICE_TYPE, USER_TYPE, Refusal, Unverified, unpacked
from quintet.auth.keyring import KeyRing
from quintet.auth.keys import ALGORITHM, OwnKeys, own_keys
from quintet.auth.principals import Principal
from quintet.auth.sources import HTTPKeySource, KeySource, UnknownIssuer
from quintet.errors import AuthenticationException
from quintet.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

USER_AUDIENCE = "quintet"
LEEWAY_SECONDS = 30
USER_TOKEN_SECONDS_MAX = 86_400
SERVICE_TOKEN_SECONDS = 60
SERVICE_TOKEN_SPARE_SECONDS = 15

_USER_ID = re.compile(r"[1-9][0-9]{0,17}")

log = get_logger("quintet.auth")


class TokenRefused(AuthenticationException):
    """A token was shown, and is not good; the challenge of the answer says so (RFC 6750)."""


class _State:
    """What this process remembers: the keys of issuers, and its own unexpired service tokens."""

    def __init__(self, source: KeySource) -> None:
        self.ring = KeyRing(source)
        self.tokens: dict[tuple[str, str, str], tuple[str, float]] = {}
        self.lock = threading.Lock()


_state = _State(HTTPKeySource())


def verify(token: str) -> Principal:
    """Say who sent this token.

    Raises:
        TokenRefused: anything about it is wrong; the log says what.
        UnavailableException: its issuer is trusted, but the issuer's keys cannot be had.
    """
    try:
        return _principal(_verified(unpacked(token), token))
    except jwt.ExpiredSignatureError:
        log.info("token refused", reason="expired")
        raise TokenRefused("The token has expired.") from None
    except (Refusal, UnknownIssuer, jwt.PyJWTError) as error:
        log.info("token refused", reason=f"{type(error).__name__}: {error}")
        raise TokenRefused("The token is not valid.") from None


def issue_user_token(
    user_id: int,
    *,
    roles: Iterable[str] = (),
    lifetime_seconds: int = 900,
    session: str | None = None,
) -> str:
    """Sign an access token for a user; only the service that ``AUTH_USER_ISSUER`` names can."""
    if not 0 < lifetime_seconds <= USER_TOKEN_SECONDS_MAX:
        raise ValueError(
            f"A user's token cannot live for {lifetime_seconds} seconds: give 1 to "
            f"{USER_TOKEN_SECONDS_MAX}, or nobody will accept it."
        )
    env = conf.current()
    if env.SERVICE_NAME != env.AUTH_USER_ISSUER:
        raise ImproperlyConfigured(
            f"{env.SERVICE_NAME} cannot issue user tokens: "
            f"AUTH_USER_ISSUER names {env.AUTH_USER_ISSUER}."
        )
    keys = _own_keys()
    if keys is None:
        raise ImproperlyConfigured(
            "AUTH_SIGNING_KEYS is empty: give a P-256 private key as PEM, made by generate_key()."
        )
    extra: dict[str, Any] = {"roles": sorted(roles)} | ({"sid": session} if session else {})
    claims = standard_claims(env.SERVICE_NAME, str(user_id), audience=USER_AUDIENCE)
    claims["exp"] = claims["iat"] + lifetime_seconds
    return sign(claims | extra, keys=keys, typ=USER_TYPE)


def service_token(audience: str) -> str | None:
    """The token that tells ``audience`` who this service is; ``None`` without a signing key.

    Signed here, so no third party is asked; reused until it has fifteen seconds left.
    """
    keys = _own_keys()
    if keys is None:
        return None
    name, now = conf.current().SERVICE_NAME, time.time()
    token, expires_at = _state.tokens.get((name, keys.kid, audience), ("", 0.0))
    if SERVICE_TOKEN_SPARE_SECONDS < expires_at - now <= SERVICE_TOKEN_SECONDS:
        return token
    claims = standard_claims(name, name, audience=audience)
    token = sign(claims, keys=keys, typ=SERVICE_TYPE)
    with _state.lock:
        _state.tokens[name, keys.kid, audience] = (token, claims["exp"])
    return token


def jwks() -> dict[str, Any]:
    """This service's public keys as a JWKS document; empty without signing keys."""
    keys = _own_keys()
    return {"keys": [dict(key) for key in keys.published] if keys else []}


def key_source() -> KeySource:
    """The source whose issuers are trusted now."""
    return _state.ring.source


def trust(source: KeySource) -> None:
    """Trust the issuers of ``source`` and no others from now on, in every thread."""
    global _state  # noqa: PLW0603 - the one reference to what this process remembers
    _state = _State(source)


def warm_keys() -> None:
    """Ask in the background for the keys of every other issuer of ``AUTH_ISSUERS``; servers do."""
    env = conf.current()
    _state.ring.warm(set(env.AUTH_ISSUERS) - {env.SERVICE_NAME})


@contextmanager
def use_key_source(source: KeySource) -> Iterator[None]:
    """Trust the issuers of ``source`` and no others within the block, in every thread."""
    before = key_source()
    trust(source)
    try:
        yield
    finally:
        trust(before)


def standard_claims(issuer: str, subject: str, *, audience: str) -> dict[str, Any]:
    """The claims that every token of the system carries, valid from now for a minute."""
    now = int(time.time())
    return {
        "iss": issuer,
        "sub": subject,
        "aud": audience,
        "iat": now,
        "nbf": now,
        "exp": now + SERVICE_TOKEN_SECONDS,
        "jti": uuid.uuid4().hex,
    }


def sign(claims: dict[str, Any], *, keys: OwnKeys, typ: str) -> str:
    """Sign claims with the first of the keys."""
    return jwt.encode(
        claims, keys.private, algorithm=ALGORITHM, headers={"typ": typ, "kid": keys.kid}
    )


def _own_keys() -> OwnKeys | None:
    try:
        return own_keys(conf.current().AUTH_SIGNING_KEYS)
    except ValueError as error:
        raise ImproperlyConfigured(str(error)) from None


def _verified(token: Unverified, text: str) -> Unverified:
    env = conf.current()
    if token.typ == USER_TYPE and token.issuer != env.AUTH_USER_ISSUER:
        raise Refusal("an issuer that may not speak for users")
    jwt.decode(
        text,
        _key(token),
        algorithms=[ALGORITHM],
        audience=USER_AUDIENCE if token.typ == USER_TYPE else env.SERVICE_NAME,
        issuer=token.issuer,
        leeway=LEEWAY_SECONDS,
        options={"strict_aud": True, "require": ["exp", "iat", "nbf", "iss", "sub", "aud", "jti"]},
    )
    longest = USER_TOKEN_SECONDS_MAX if token.typ == USER_TYPE else SERVICE_TOKEN_SECONDS
    if not 0 < token.claims["exp"] - token.claims["iat"] <= longest:
        raise Refusal("a life that no token of its kind has")
    return token


def _key(token: Unverified) -> EllipticCurvePublicKey:
    """The issuer's key; this service's own tokens need no request to itself."""
    if token.issuer == conf.current().SERVICE_NAME:
        own = _own_keys()
        if own is not None and token.kid in own.verifying:
            return own.verifying[token.kid]
    key = _state.ring.find(token.issuer, token.kid)
    if key is None:
        raise Refusal("a key that its issuer does not publish")
    return key


def _principal(token: Unverified) -> Principal:
    subject = token.claims["sub"]
    if token.typ == SERVICE_TYPE:
        if subject != token.issuer:
            raise Refusal("a service that speaks for another")
        return Principal(kind="service", subject=subject, service=subject)
    roles = token.claims.get("roles", [])
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise Refusal("claim roles")
    if _USER_ID.fullmatch(subject) is None:
        raise Refusal("claim sub")
    return Principal(kind="user", subject=subject, user_id=int(subject), roles=frozenset(roles))


def _renew() -> None:
    """Give a forked child a ring of its own: a lock that the parent held stays locked in it."""
    trust(key_source())


os.register_at_fork(after_in_child=_renew)
