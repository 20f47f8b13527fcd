"""HTTP out: calls to other services by name and path, with a timeout and typed errors."""

from __future__ import annotations

from quintet.clients.client import ServiceClient
from quintet.clients.dependencies import Dependency, dependency
from quintet.clients.fallback import with_fallback
from quintet.clients.paths import path
from quintet.clients.pipeline import SparedException
from quintet.clients.policy import Policy
from quintet.clients.transport import (
    PooledTransport,
    RecordingTransport,
    Transport,
    use_transport,
)

__all__ = [
    "Dependency",
    "Policy",
    "PooledTransport",
    "RecordingTransport",
    "ServiceClient",
    "SparedException",
    "Transport",
    "dependency",
    "path",
    "use_transport",
    "with_fallback",
]
