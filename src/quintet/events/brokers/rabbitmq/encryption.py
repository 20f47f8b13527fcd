"""What a URL says of encryption, for py-amqp, as aio-pika reads it by itself.

Whatever only one of the two would understand is refused: a service must not read from a broker that
it cannot publish to, nor talk in two ways to the same one.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from urllib.parse import SplitResult

PARAMETERS: Final = ("cafile", "capath", "certfile", "keyfile")


def encryption_of(url: SplitResult) -> dict[str, Any] | None:
    """How py-amqp encrypts and whom it trusts, or ``None`` for a URL without encryption.

    Raises:
        ValueError: There is a parameter that one of the two libraries does not understand.
    """
    named = _named(url.query)
    if url.scheme != "amqps":
        for name in named:
            raise _refused(name, "is for an encrypted connection: begin it with amqps://.")
        return None
    if "keyfile" in named and "certfile" not in named:
        raise _refused("keyfile", "is there without 'certfile': name it, too.")
    if "certfile" in named:
        return {"server_hostname": url.hostname, **_with_certificate(named)}
    trusted = {"check_hostname": True, "purpose": ssl.Purpose.SERVER_AUTH, **named}
    return {"server_hostname": url.hostname, "context": trusted}


def _with_certificate(named: dict[str, str]) -> dict[str, Any]:
    """The other way of py-amqp, which shows a certificate, and looks at that of the peer as well.

    ``SSLTransport._wrap_socket_sni`` checks both the authority and the host unless told otherwise.
    """
    if "capath" in named:
        raise _refused(
            "capath", "stands beside 'certfile': name one file with all authorities, as 'cafile'."
        )
    shown = {"certfile": named["certfile"], "keyfile": named.get("keyfile")}
    return {**shown, "ca_certs": named.get("cafile"), "cert_reqs": ssl.CERT_REQUIRED}


def _named(query: str) -> dict[str, str]:
    if "@" in query:
        raise ValueError(
            "BROKER_URL has an @ behind its ?: write a ? in a password as %3F, and an @ as %40."
        )
    pairs = parse_qsl(query, keep_blank_values=True)
    for name, value in pairs:
        if name not in PARAMETERS:
            raise _refused(name, f"is none of {', '.join(PARAMETERS)}: leave it out.")
        if not value:
            raise _refused(name, "is empty: name a file, or leave it out.")
    named = dict(pairs)
    if len(named) < len(pairs):
        raise ValueError("BROKER_URL has a parameter twice: name one file only.")
    return named


def _refused(name: str, why: str) -> ValueError:
    return ValueError(f"BROKER_URL has the parameter {name!r}, which {why}")
