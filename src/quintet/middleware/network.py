"""Who is at the other end of the connection, and which requests come from the inside.

Headers that name a client are believed only as far as the peers that wrote them are trusted.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from quintet import conf

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Network

    from django.http import HttpRequest

    Network = IPv4Network | IPv6Network
    Address = IPv4Address | IPv6Address

FORWARDING_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")
PROBES = frozenset({"/livez", "/readyz", "/health/", "/metrics"})
"""Paths that machines ask all day long: not logged at info, not counted, and served under any host
name, since an orchestrator asks by the address of a container."""

_LONGEST_ADDRESS = 64


def client_ip(request: HttpRequest) -> str:
    """The address of the client: the first one, from right to left, that no trusted proxy has.

    What stands left of an address that is not trusted may have been made up by whoever has it, and
    is not read. Empty when the connection has no address, as on a Unix socket.
    """
    named = request.META.get("HTTP_X_FORWARDED_FOR", "")
    return _client(request.META.get("REMOTE_ADDR", ""), named, conf.current().TRUSTED_PROXIES)


@lru_cache(maxsize=256)
def _client(remote: str, named: str, proxies: tuple[str, ...]) -> str:
    peer = _address(remote)
    if peer is None:
        return ""
    trusted = _networks(proxies)
    for hop in reversed(named.split(",")):
        if not _within(peer, trusted):
            break
        following = _address(hop)
        if following is None:
            break
        peer = following
    return str(peer)


def is_proxy(remote: str) -> bool:
    """Whether what this peer says of the outside is believed."""
    peer = _address(remote)
    return peer is not None and _within(peer, _networks(conf.current().TRUSTED_PROXIES))


def is_internal(request: HttpRequest) -> bool:
    """Whether the peer itself is in ``INTERNAL_NETWORKS`` and forwards for nobody."""
    if any(header in request.META for header in FORWARDING_HEADERS):
        return False
    peer = _address(request.META.get("REMOTE_ADDR", ""))
    networks = _networks(conf.current().INTERNAL_NETWORKS)
    return peer is not None and _within(peer, networks)


@lru_cache(maxsize=32)
def _networks(named: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ip_network(item, strict=False) for item in named)


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


@lru_cache(maxsize=1024)
def _address(written: str) -> Address | None:
    """Read an address as proxies write it: with or without a port, IPv6 perhaps in brackets."""
    text = written.strip()[:_LONGEST_ADDRESS]
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    text = text.partition("%")[0]  # the zone of a link, which may be any text
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
