"""An issuer that signs whatever it is told to, and writes tokens that no library would."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from quintet import auth
from quintet.auth.keys import generate_key, own_keys
from quintet.errors import AuthenticationException


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def segment(value):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return b64(raw)


class Issuer:
    """A name with a key."""

    def __init__(self, name):
        self.name = name
        self.pem = generate_key()
        self.keys = own_keys(self.pem)

    @property
    def document(self):
        return {"keys": [dict(key) for key in self.keys.published]}

    @property
    def jwk(self):
        return dict(self.keys.published[0])

    def header(self, **changes):
        return changed({"alg": "ES256", "kid": self.keys.kid, "typ": "at+jwt"}, changes)

    def claims(self, **changes):
        now = int(time.time())
        plain = {
            "iss": self.name,
            "sub": "7",
            "aud": "quintet",
            "iat": now,
            "nbf": now,
            "exp": now + 60,
            "jti": "1",
            "roles": [],
        }
        return changed(plain, changes)

    def signature(self, signed):
        pair = decode_dss_signature(self.keys.private.sign(signed, ec.ECDSA(hashes.SHA256())))
        return b"".join(number.to_bytes(32, "big") for number in pair)

    def token(self, header=None, claims=None):
        """A token of these parts, given as objects or as the very bytes, with a right signature."""
        head = segment(self.header() if header is None else header)
        body = segment(self.claims() if claims is None else claims)
        return f"{head}.{body}.{b64(self.signature(f'{head}.{body}'.encode()))}"

    def user(self, **claims):
        return self.token(claims=self.claims(**claims))

    def service(self, audience, **claims):
        plain = {"sub": self.name, "aud": audience, "roles": ...} | claims
        return self.token(self.header(typ="service+jwt"), self.claims(**plain))


def changed(plain, changes):
    """Changes applied; a value of ``...`` takes the member away."""
    return {k: v for k, v in (plain | changes).items() if v is not ...}


def hmac_signed(header, claims, key):
    head, body = segment(header), segment(claims)
    return f"{head}.{body}.{b64(hmac.new(key, f'{head}.{body}'.encode(), hashlib.sha256).digest())}"


def refused(token):
    """What is said of a token that must not be taken."""
    with pytest.raises(AuthenticationException) as raised:
        auth.verify(token)
    return str(raised.value)
