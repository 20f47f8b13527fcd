"""One HTTP exchange that always ends: bounded in time, in size and in where it goes.

The standard library applies a timeout to every single read, so a peer that sends one byte per
second holds a thread for ever. Here one deadline covers the whole exchange: connecting, the
handshake, sending, and every byte of the head and the body. Redirects are not followed, compressed
bodies are refused, proxies of the environment are ignored, and the body is cut off at a cap.

Connections are pooled per origin and per process; a forked child starts with empty pools.
"""

from __future__ import annotations

from quintet.wire.exchange import exchange
from quintet.wire.interrupt import Interrupt, Interrupted
from quintet.wire.messages import NO_RETRY_HEADER, Address, Request, Response, address
from quintet.wire.pools import forget_connections

__all__ = [
    "NO_RETRY_HEADER",
    "Address",
    "Interrupt",
    "Interrupted",
    "Request",
    "Response",
    "address",
    "exchange",
    "forget_connections",
]
