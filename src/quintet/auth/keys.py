"""Signing keys, and the public keys that others publish: P-256 only, every JWK is judged.

Published attack vectors include keys marked for encryption, keys of another curve and keys with
padded coordinates; libraries accept some of them. A key that is not plainly a public ES256
verification key is left out, so no token can be verified with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from collections.abc import Iterator

ALGORITHM = "ES256"
KEYS_MAX = 32

_COORDINATE_BYTES = 32
_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)
_KINDS = (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey)
_KID = re.compile(r"[A-Za-z0-9._~-]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKeys:
    """This service's keys: the first signs, all of them are published."""

    kid: str
    private: ec.EllipticCurvePrivateKey
    published: tuple[Mapping[str, str], ...]
    verifying: Mapping[str, ec.EllipticCurvePublicKey]


def generate_key() -> str:
    """Make a new P-256 private key as PKCS#8 PEM, as ``AUTH_SIGNING_KEYS`` takes it."""
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode("ascii")
    )


def public_pem(pem: str) -> str:
    """The public half of a key, as PEM."""
    key = _key(pem)
    public = key.public_key() if isinstance(key, ec.EllipticCurvePrivateKey) else key
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return public.public_bytes(serialization.Encoding.PEM, form).decode("ascii")


def signing_blocks(value: str) -> Iterator[tuple[str, bool, str]]:
    """Each PEM block of ``AUTH_SIGNING_KEYS``: its key id, whether it is private, and its text."""
    for block in _blocks(value):
        key = _key(block)
        yield _published(key)["kid"], isinstance(key, ec.EllipticCurvePrivateKey), block


@lru_cache(maxsize=8)
def own_keys(pem: str) -> OwnKeys | None:
    """Read the value of ``AUTH_SIGNING_KEYS``; ``None`` when it is empty.

    The first block is a private key. The others may be private or public: keys that sign no longer,
    or not yet, and are published so that nobody refuses a token during a rotation.
    """
    blocks = _blocks(pem)
    if not blocks:
        if pem.strip():
            raise ValueError(
                "AUTH_SIGNING_KEYS holds no PEM block; give the output of generate_key()."
            )
        return None
    keys = [_key(block) for block in blocks]
    first = keys[0]
    if not isinstance(first, ec.EllipticCurvePrivateKey):
        raise ValueError(  # noqa: TRY004 - the value of a setting is wrong, not a type
            "The first key of AUTH_SIGNING_KEYS is public; the first one must be private."
        )
    # A key may stand there twice, as private and as public; published twice, nobody would use it.
    published = tuple({jwk["kid"]: jwk for jwk in map(_published, keys)}.values())
    return OwnKeys(
        kid=published[0]["kid"],
        private=first,
        published=published,
        verifying=public_keys({"keys": list(published)}),
    )


def public_keys(document: object) -> dict[str, ec.EllipticCurvePublicKey]:
    """The usable verification keys of a JWKS document, by key id."""
    listed = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(listed, list):
        return {}
    found: dict[str, ec.EllipticCurvePublicKey] = {}
    ambiguous: set[str] = set()
    for jwk in listed[:KEYS_MAX]:
        if (key := _public_key(jwk)) is not None:
            ambiguous |= {jwk["kid"]} & found.keys()
            found[jwk["kid"]] = key
    return {kid: key for kid, key in found.items() if kid not in ambiguous}


def decoded(segment: str) -> bytes:
    """Decode base64url in its one canonical form: no padding, no stray bits or characters."""
    try:
        raw = base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64url") from error
    if encoded(raw) != segment:
        raise ValueError("not the canonical base64url of its bytes")
    return raw


def encoded(raw: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def thumbprint(jwk: Mapping[str, str]) -> str:
    """The RFC 7638 thumbprint: the key id that follows from the key itself."""
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode("ascii")
    return encoded(hashlib.sha256(canonical).digest())


def _blocks(value: str) -> list[str]:
    """The PEM blocks of a value, in which a line may end with a backslash and an n."""
    return [match[0] for match in _PEM.finditer(value.replace("\\n", "\n"))]


def _key(block: str) -> ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey:
    raw = block.encode("ascii")
    try:
        key = (
            serialization.load_pem_public_key(raw)
            if "PUBLIC KEY" in block.splitlines()[0]
            else serialization.load_pem_private_key(raw, password=None)
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library's own text may quote the input, and the input is a secret.
        raise ValueError("AUTH_SIGNING_KEYS holds a PEM block that is no readable key.") from None
    if isinstance(key, _KINDS) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ValueError("AUTH_SIGNING_KEYS takes P-256 keys only; make one with generate_key().")


def _published(key: ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) -> Mapping[str, str]:
    public = key.public_key() if isinstance(key, ec.EllipticCurvePrivateKey) else key
    numbers = public.public_numbers()
    point = {
        "kty": "EC",
        "crv": "P-256",
        "x": encoded(numbers.x.to_bytes(_COORDINATE_BYTES, "big")),
        "y": encoded(numbers.y.to_bytes(_COORDINATE_BYTES, "big")),
    }
    return {**point, "kid": thumbprint(point), "use": "sig", "alg": ALGORITHM}


def _public_key(jwk: Any) -> ec.EllipticCurvePublicKey | None:
    if not isinstance(jwk, Mapping) or not _is_meant_for_verification(jwk):
        return None
    try:
        x, y = (_coordinate(jwk.get(name)) for name in ("x", "y"))
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except ValueError:
        return None


def _is_meant_for_verification(jwk: Mapping[str, Any]) -> bool:
    kid, operations = jwk.get("kid"), jwk.get("key_ops", ["verify"])
    return (
        (jwk.get("kty"), jwk.get("crv")) == ("EC", "P-256")
        and jwk.get("use", "sig") == "sig"
        and jwk.get("alg", ALGORITHM) == ALGORITHM
        and operations == ["verify"]
        and isinstance(kid, str)
        and _KID.fullmatch(kid) is not None
        and "d" not in jwk  # a private key that was published belongs to everybody
    )


def _coordinate(value: object) -> int:
    raw = decoded(value) if isinstance(value, str) else b""
    if len(raw) != _COORDINATE_BYTES:
        raise ValueError("not a P-256 coordinate")
    return int.from_bytes(raw, "big")
