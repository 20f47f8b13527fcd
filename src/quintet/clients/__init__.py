"""HTTP out: calls to other services by name and path, with a timeout and typed errors."""

from __future__ import annotations

from quintet.clients.client import ServiceClient
from quintet.clients.paths import path
from quintet.clients.transport import (
    PooledTransport,
    RecordingTransport,
    Transport,
    use_transport,
)

__all__ = [
    "PooledTransport",
    "RecordingTransport",
    "ServiceClient",
    "Transport",
    "path",
    "use_transport",
]
