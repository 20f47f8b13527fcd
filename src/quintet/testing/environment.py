"""What a service under test finds in its environment before Django imports its settings."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping

HOSTS = "testserver,localhost,127.0.0.1"
LEFT_OVERS = ("DATABASE_URL", "CACHE_URL", "BROKER_URL")


def fill(
    environ: MutableMapping[str, str], *, urls: dict[str, str], issuers: Iterable[str]
) -> None:
    """Set what tests must not take from the developer's shell; leave the rest as it is.

    URLs of databases left over from other work are dropped: a test never reaches them.
    """
    for name in LEFT_OVERS:
        environ.pop(name, None)
    environ.update(urls)
    environ["SERVICE_ENVIRONMENT"] = "test"
    environ["ALLOWED_HOSTS"] = HOSTS
    environ.setdefault("SECRET_KEY", secrets.token_urlsafe(64))
    if "AUTH_SIGNING_KEYS_FILE" not in environ:
        environ.setdefault("AUTH_SIGNING_KEYS", signing_key())
    named = (f"{name}=http://{name}.invalid/.well-known/jwks.json" for name in issuers)
    environ.setdefault("AUTH_ISSUERS", ",".join(named))


def signing_key() -> str:
    """A new P-256 key as PEM text; made here, since ``quintet.auth`` needs Django's settings."""
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode("ascii")
    )
