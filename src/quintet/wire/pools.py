"""The idle connections of a process."""

from __future__ import annotations

import os
import ssl
from collections import deque
from typing import TYPE_CHECKING

from quintet.wire.connections import Connection, TLSConnection, TLSSocket

if TYPE_CHECKING:
    from quintet.wire.messages import Address

CONNECTIONS_KEPT = 32


class Pools:
    """The idle connections of this process, by origin; the one that was used last goes first.

    Taking from a deque and adding to it are atomic, so no lock is needed.
    """

    def __init__(self) -> None:
        self._idle: dict[tuple[str, str, int], deque[Connection]] = {}
        self._trust: ssl.SSLContext | None = None

    def take(self, peer: Address) -> Connection:
        """A connection that is open, or one that opens with its first request."""
        idle = self._idle.get((peer.scheme, peer.host, peer.port), ())
        while idle:
            try:
                connection = idle.pop()
            except IndexError:  # another thread was faster
                break
            if connection.is_fresh:
                return connection
            connection.close()
        if peer.scheme == "http":
            return Connection(peer.host, peer.port)
        return TLSConnection(peer.host, peer.port, trust=self._trusted())

    def put(self, peer: Address, connection: Connection) -> None:
        """Keep a connection that its peer keeps as well, unless there are enough."""
        if connection.sock is None:
            return
        key = (peer.scheme, peer.host, peer.port)
        idle = self._idle.get(key) or self._idle.setdefault(key, deque())
        if len(idle) < CONNECTIONS_KEPT:
            idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close what is idle; it is not shut down, since a parent of this process may go on."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()

    def _trusted(self) -> ssl.SSLContext:
        if self._trust is None:
            trust = ssl.create_default_context()
            trust.sslsocket_class = TLSSocket
            self._trust = trust
        return self._trust


_pools = Pools()


def pools() -> Pools:
    """Those of this process."""
    return _pools


def forget_connections() -> None:
    """Start with empty pools: a forked child must never write into its parent's connections."""
    global _pools
    before, _pools = _pools, Pools()
    before.close()


os.register_at_fork(after_in_child=forget_connections)
