"""Tokens, keys, principals and permissions: who asks, and what they may do."""

from __future__ import annotations

from quintet.auth.authentication import BearerAuthentication
from quintet.auth.keys import generate_key
from quintet.auth.permissions import (
    Authenticated,
    Denied,
    Owner,
    Public,
    Staff,
    principal_of,
    service,
)
from quintet.auth.principals import ANONYMOUS, Principal, anonymous
from quintet.auth.sources import (
    HTTPKeySource,
    KeySource,
    MemoryKeySource,
    RecordingKeySource,
    UnknownIssuer,
)
from quintet.auth.tokens import (
    TokenRefused,
    issue_user_token,
    jwks,
    service_token,
    use_key_source,
    verify,
    warm_keys,
)

__all__ = [
    "ANONYMOUS",
    "Authenticated",
    "BearerAuthentication",
    "Denied",
    "HTTPKeySource",
    "KeySource",
    "MemoryKeySource",
    "Owner",
    "Principal",
    "Public",
    "RecordingKeySource",
    "Staff",
    "TokenRefused",
    "UnknownIssuer",
    "anonymous",
    "generate_key",
    "issue_user_token",
    "jwks",
    "principal_of",
    "service",
    "service_token",
    "use_key_source",
    "verify",
    "warm_keys",
]
