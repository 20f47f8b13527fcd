"""Under which key a caller is counted: never what the caller wrote, and of one length."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv6Address
from typing import TYPE_CHECKING

from django.utils.crypto import salted_hmac

from quintet.auth.principals import Principal
from quintet.middleware.network import client_ip

if TYPE_CHECKING:
    from django.http import HttpRequest

KEY_BYTES = 16
HOST_BITS_OF_IPV6 = 64
"""A network of this size is the least that one household is given: any address in it is theirs."""


def key_of(request: HttpRequest, identity: str) -> str:
    """Name whoever asks: the verified principal, and the client's address where there is none."""
    principal = getattr(request, "user", None)
    if isinstance(principal, Principal) and principal.is_authenticated:
        caller = f"{identity}{principal.kind}\n{principal.subject}"
    else:
        address = getattr(request, "client_ip", None)
        caller = f"{identity}address\n{_client(client_ip(request) if address is None else address)}"
    return blake2b(caller.encode(errors="surrogatepass"), digest_size=KEY_BYTES).hexdigest()


def key_of_subject(subject: str, identity: str) -> str:
    """Name what is tried, so that nobody who reads the store can tell by guessing what it is."""
    named = f"{identity}subject\n{subject}".encode(errors="surrogatepass")
    return salted_hmac(__name__, named, algorithm="sha256").digest()[:KEY_BYTES].hex()


@lru_cache(maxsize=4096)
def _client(address: str) -> str:
    if ":" not in address:
        return address
    return f"{int(IPv6Address(address)) >> HOST_BITS_OF_IPV6:x}"
