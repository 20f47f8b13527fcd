"""What goes out, what comes back, and where to."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from quintet.settings.masking import mask_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quintet.wire.interrupt import Interrupt

NO_RETRY_HEADER = "x-no-retry"
"""Says of a failure that it comes from further away, where it was tried again already: a retry in
each of three layers would be twenty-seven calls. No standard has a name for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What goes out: ``target`` is the path and query, sent to ``base_url`` and nowhere else."""

    service: str
    method: str
    base_url: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timeout_seconds: float
    interrupt: Interrupt | None = None
    """Lets another thread end the exchange."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What came back: header names in lower case, the body as it was sent."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a base URL points: an origin, and what stands before every path."""

    scheme: str
    host: str
    port: int
    prefix: str


@lru_cache(maxsize=256)
def address(base_url: str) -> Address:
    """Read a base URL; ``ValueError`` when it is anything but scheme, host, port and prefix."""
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{mask_url(base_url)!r} is not an http or https URL with a host.")
    if "@" in parts.netloc or set(base_url) & set("?#"):
        raise ValueError(f"The URL of {parts.hostname} carries userinfo, a query or a fragment.")
    return Address(
        scheme=parts.scheme,
        host=parts.hostname,
        port=parts.port or (443 if parts.scheme == "https" else 80),
        prefix=parts.path.rstrip("/"),
    )
